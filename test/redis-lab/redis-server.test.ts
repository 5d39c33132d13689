import { existsSync } from 'node:fs';

import { describe, expect, it, onTestFinished } from 'vitest';

import { type RedisServerOptions, startRedisServer } from './redis-server.ts';

async function start(options?: RedisServerOptions) {
  const server = await startRedisServer(options);
  onTestFinished(() => server.stop());
  return server;
}

/** Rejects at once where the server does not answer, as a client of the store does. */
const impatient = {
  commandTimeout: 1000,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  lazyConnect: true,
  retryStrategy: () => null,
};

describe('startRedisServer', () => {
  it('gives a server of its own to each, and leaves nothing of it', async () => {
    const { folder } = await (async () => {
      await using one = await startRedisServer();
      await using other = await startRedisServer();
      await one.admin.set('key', 'one');

      expect(await other.admin.get('key')).toBe(null);
      expect(one.port).not.toBe(other.port);
      return one;
    })();

    expect(existsSync(folder)).toBe(false);
  });

  it('shows the output of a server that does not start', async () => {
    await expect(startRedisServer({ config: ['no-such-directive 1'] })).rejects.toThrow(/no-such-directive/);
  });

  it('takes lines of configuration', async () => {
    const server = await start({ config: ['maxmemory 3mb', 'maxmemory-policy noeviction'] });

    expect(await server.admin.config('GET', 'maxmemory')).toEqual(['maxmemory', '3145728']);
    const filled = (async () => {
      for (;;) await server.admin.rpush('heap', 'x'.repeat(100_000));
    })();
    await expect(filled).rejects.toThrow('OOM');
  });

  it('takes users with rights', async () => {
    const server = await start({ users: ['user app on >secret resetkeys resetchannels ~app:* -@all +get +set +ping'] });
    const app = server.connect({ username: 'app', password: 'secret', enableReadyCheck: false });

    await app.set('app:a', '1');
    await expect(app.set('other', '1')).rejects.toThrow('NOPERM');
    await expect(app.flushall()).rejects.toThrow('NOPERM');
  });
});

describe('a server', () => {
  it('that is paused lets commands run into their time limit, and runs them when it is resumed', async () => {
    const server = await start();
    const client = server.connect(impatient);
    await client.connect();

    server.pause();
    await expect(client.incr('count')).rejects.toThrow('Command timed out');
    server.resume();

    expect(await server.admin.get('count')).toBe('1');
  });

  it('that is killed refuses connections, also when it was paused', async () => {
    const server = await start();

    server.pause();
    await server.kill();

    expect(server.isRunning()).toBe(false);
    await expect(server.connect(impatient).connect()).rejects.toThrow('Connection is closed');
  });

  it('comes back empty at the same port, as another run', async () => {
    const server = await start();
    const { port } = server;
    const runId = await server.runId();
    await server.admin.set('key', 'value');
    await server.save();

    await server.restart({ empty: true });

    expect(server.port).toBe(port);
    expect(await server.admin.get('key')).toBe(null);
    expect(await server.runId()).not.toBe(runId);
  });

  it('comes back with its last snapshot, which may be old', async () => {
    const server = await start();
    await server.admin.set('key', 'old');
    await server.save();
    await server.admin.set('key', 'new');

    await server.restart({ empty: false });

    expect(await server.admin.get('key')).toBe('old');
  });
});

describe('the readings of a server', () => {
  it('count calls of scripts', async () => {
    const server = await start();
    await server.admin.eval('return 1', 0);
    await server.admin.evalsha('e0e1f9fabfc9d4800c877a703b823ac0578ff8db', 0);
    await expect(server.admin.evalsha('f'.repeat(40), 0)).rejects.toThrow('NOSCRIPT');

    expect(await server.scriptCalls()).toBe(3);
    expect(await server.calls()).toMatchObject({ eval: 1, evalsha: 2 });
    await server.resetCalls();
    expect(await server.scriptCalls()).toBe(0);
  });

  it('name the keys that never expire', async () => {
    const server = await start();

    expect(await server.keysWithoutTtl()).toEqual([]);
    await server.admin.set('goes', '1', 'PX', 60_000);
    await server.admin.set('stays', '1');

    expect(await server.keys()).toEqual(['goes', 'stays']);
    expect(await server.keysWithoutTtl()).toEqual(['stays']);
  });

  it('tell memory, processor time and whatever INFO tells', async () => {
    const server = await start();
    const before = [await server.memoryBytes(), await server.cpuMs()] as const;
    await server.admin.set('big', 'x'.repeat(1_000_000));
    await server.admin.eval('for i = 1, 3000000 do end', 0);

    expect((await server.memoryBytes()) - before[0]).toBeGreaterThan(900_000);
    expect((await server.cpuMs()) - before[1]).toBeGreaterThan(1);
    expect(await server.info()).toMatchObject({ role: 'master' });
  });
});
