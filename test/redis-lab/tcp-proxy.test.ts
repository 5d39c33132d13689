import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { eventually, sleep } from './eventually.ts';
import { halfOpen, latency, throttleStep } from './flow.ts';
import { type ClientOptions, type RedisServer, startRedisServer } from './redis-server.ts';
import { commands, startTcpProxy, subscribers } from './tcp-proxy.ts';

let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

/** A proxy before the server, and makers of clients that go through it. */
async function proxied() {
  const proxy = await startTcpProxy(server.port);
  onTestFinished(() => proxy.stop());
  const connect = async (options: ClientOptions = {}) => {
    const client = new Redis({
      port: proxy.port,
      commandTimeout: 1500,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      lazyConnect: true,
      retryStrategy: () => null,
      ...options,
    });
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    await client.connect();
    return client;
  };
  return { proxy, connect };
}

async function msOf(work: Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work;
  return performance.now() - startedAt;
}

const timedOut = 'Command timed out';

describe('a proxy', () => {
  it('passes everything, and counts it', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect();
    const before = proxy.counts();
    const big = 'x'.repeat(1_000_000);

    await client.set('big', big, 'PX', 60_000);
    expect(await client.get('big')).toBe(big);

    const after = proxy.counts();
    expect(after).toMatchObject({ connections: 1, open: 1, cuts: 0 });
    expect(after.toServerBytes - before.toServerBytes).toBeGreaterThan(1_000_000);
    expect(after.toClientBytes - before.toClientBytes).toBeGreaterThan(1_000_000);
    client.disconnect();
    await eventually(() => proxy.counts().open === 0, { what: 'the end of the connection' });
    expect(proxy.counts().toServerBytes).toBeGreaterThan(1_000_000);
  });

  it('delays both ways, and keeps the order under jitter', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect({ commandTimeout: 5000 });

    proxy.apply(latency(40, 20));
    expect(await msOf(client.ping())).toBeGreaterThanOrEqual(78);
    const counted = await Promise.all(Array.from({ length: 50 }, () => client.incr('delayed')));
    await proxy.heal();

    expect(counted).toEqual(counted.toSorted((one, other) => one - other));
    const pings: number[] = [];
    for (let ping = 0; ping < 5; ping++) pings.push(await msOf(client.ping()));
    expect(Math.min(...pings)).toBeLessThan(70); // of five, since the machine may do something else
  });

  it('loses one way: commands run and their replies do not come, until it heals', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect();

    proxy.apply({ toClient: { kind: 'stall' } });
    await expect(client.set('one-way', 'ran', 'PX', 60_000)).rejects.toThrow(timedOut);
    expect(await server.admin.get('one-way')).toBe('ran');
    proxy.apply({ toServer: { kind: 'stall' }, toClient: { kind: 'pass' } });
    await expect(client.set('other-way', 'ran', 'PX', 60_000)).rejects.toThrow(timedOut);
    expect(await server.admin.get('other-way')).toBe(null);
    await proxy.heal();

    expect(await client.get('other-way')).toBe('ran');
  });

  it('resets a connection that has lost bytes when it heals', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect();

    proxy.apply({ toServer: { kind: 'drop' } });
    await expect(client.set('dropped', 'ran', 'PX', 60_000)).rejects.toThrow(timedOut);
    expect(client.status).toBe('ready');
    await proxy.heal();

    await eventually(() => client.status === 'end', { what: 'the reset' });
    expect(await server.admin.get('dropped')).toBe(null);
  });

  it('keeps the end of one side from the other while half open', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect({ connectionName: 'half-open' });
    const isKnown = async () => String(await server.admin.client('LIST')).includes('name=half-open');

    proxy.apply(halfOpen);
    client.disconnect();
    await sleep(100);
    expect(await isKnown()).toBe(true);
    await proxy.heal();

    await eventually(async () => !(await isKnown()), { what: 'the end of the connection at the server' });
  });

  it('keeps the death of the server from the client while half open', async () => {
    const other = await startRedisServer();
    onTestFinished(() => other.stop());
    const proxy = await startTcpProxy(other.port);
    onTestFinished(() => proxy.stop());
    const client = other.connect({ port: proxy.port, retryStrategy: () => null });
    await client.ping();

    proxy.apply(halfOpen);
    await other.kill();
    await sleep(100);
    expect(client.status).toBe('ready');
    await proxy.heal();

    await eventually(() => client.status === 'end', { what: 'the end of the connection' });
  });

  it('resets in the middle of a reply', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect();
    await server.admin.set('long', 'x'.repeat(10_000), 'PX', 60_000);
    const before = proxy.counts().toClientBytes;

    proxy.apply({ toClient: { kind: 'cut', afterBytes: 5000 } });
    await expect(client.get('long')).rejects.toThrow(/closed|ECONNRESET|aborted/);

    expect(proxy.counts().toClientBytes - before).toBe(5000);
    expect(proxy.counts()).toMatchObject({ cuts: 1, open: 0 });
  });

  it('loses the reply of one script that has run, and of no other command', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect({ retryStrategy: () => 10 });
    const count = () => client.eval("return redis.call('INCR', KEYS[1])", 1, 'scripted');

    proxy.apply({ toClient: { kind: 'cut', afterBytes: 0, armedBy: 'eval' } }, undefined, { times: 1 });
    expect(await client.ping()).toBe('PONG');
    await expect(count()).rejects.toThrow('max retries per request');
    expect(await server.admin.get('scripted')).toBe('1');

    await eventually(() => client.status === 'ready', { what: 'the reconnect' });
    expect(await count()).toBe(2);
    expect(proxy.counts().cuts).toBe(1);
  });

  it('lets one byte a second through', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect({ commandTimeout: 5000 });
    const before = proxy.counts().toClientBytes;

    proxy.apply({ toClient: { kind: 'throttle', bytesPerSecond: 1 } });
    const pong = client.ping();
    await sleep(2500);
    const passed = proxy.counts().toClientBytes - before;
    expect(passed).toBeGreaterThanOrEqual(1); // 3 where the machine has nothing else to do
    expect(passed).toBeLessThanOrEqual(3);
    await proxy.heal();

    expect(await pong).toBe('PONG');
  });

  it('makes a server feel a client that reads slowly', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect({ connectionName: 'slow', commandTimeout: 20_000 });
    await client.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 1mb 1');
    await client.subscribe('flood');

    proxy.apply({ toClient: { kind: 'throttle', bytesPerSecond: 100 } });
    const isKnown = async () => String(await server.admin.client('LIST')).includes('name=slow');
    expect(await isKnown()).toBe(true);
    for (let sent = 0; sent < 200 && (await isKnown()); sent++)
      await server.admin.publish('flood', 'x'.repeat(100_000));

    expect(await isKnown()).toBe(false);
  });

  it('treats subscribers and commands differently', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect();
    const subscriber = await connect();
    const heard: string[] = [];
    subscriber.on('message', (_channel, message) => heard.push(message));
    await subscriber.subscribe('news');

    proxy.apply(halfOpen, subscribers);
    await client.publish('news', 'unheard');
    await sleep(50);
    expect(heard).toEqual([]);
    await proxy.heal();
    proxy.apply(halfOpen, commands);
    await server.admin.publish('news', 'heard');

    await eventually(() => heard.length === 2, { what: 'the message' });
    await expect(client.ping()).rejects.toThrow(timedOut);
    expect(proxy.finish(subscribers)).toBe(1);
    await eventually(() => subscriber.status === 'end', { what: 'the end of the subscriber' });
    expect(client.status).toBe('ready');
  });

  it('refuses new connections and leaves the others, and ends all when told to', async () => {
    const { proxy, connect } = await proxied();
    const client = await connect();

    await proxy.refuse();
    await expect(connect()).rejects.toThrow('Connection is closed');
    expect(await client.ping()).toBe('PONG');
    expect(proxy.reset()).toBe(1);
    await eventually(() => client.status === 'end', { what: 'the reset' });
    await proxy.accept();

    expect(await (await connect()).ping()).toBe('PONG');
  });

  it('resets a client whose server is not there', async () => {
    const proxy = await startTcpProxy(1);
    onTestFinished(() => proxy.stop());
    const client = server.connect({ port: proxy.port, lazyConnect: true, retryStrategy: () => null });

    await expect(client.connect()).rejects.toThrow('Connection is closed');
    expect(proxy.counts()).toMatchObject({ connections: 1, open: 0 });
  });
});

describe('a throttle', () => {
  it.each([
    [1, { bytes: 1, everyMs: 1000 }],
    [19, { bytes: 1, everyMs: 1000 / 19 }],
    [100, { bytes: 5, everyMs: 50 }],
    [1_000_000, { bytes: 50_000, everyMs: 50 }],
  ])('of %d bytes a second lets go %j', (bytesPerSecond, step) => {
    expect(throttleStep(bytesPerSecond)).toEqual(step);
  });
});
