import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../../redis-lab/eventually.ts';
import { type ClientOptions, type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

let server: RedisServer;
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

/** Two members, whose clients are made with `options`. */
function pair(options: ClientOptions): [StoreMember, StoreMember] {
  const namespace = `c${++count}`;
  const make = (): StoreMember =>
    storeMember(new Redis({ ...options, port: server.port, lazyConnect: true }), { namespace });
  return [make(), make()];
}

/** The connections that the server has, as it lists them. */
async function connections(): Promise<readonly Readonly<Record<string, string>>[]> {
  const lines = String(await server.admin.call('CLIENT', 'LIST'))
    .trim()
    .split('\n');
  return lines.map((line) =>
    Object.fromEntries(line.split(' ').map((field) => field.split('=', 2) as [string, string])),
  );
}

async function ends(port: number, readyMs: number): Promise<{ code: number | null; output: string; ms: number }> {
  const program = fileURLToPath(new URL('closing-process.ts', import.meta.url));
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx'];
  const child = spawn(process.execPath, [...flags, program, String(port), String(readyMs)], { timeout: 60_000 });
  let output = '';
  child.stdout.on('data', (data: Buffer) => void (output += String(data)));
  child.stderr.on('data', (data: Buffer) => void (output += String(data)));
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  const [, said, ms] = /^(.*closed\n)([\d.]+)\n$/s.exec(output) ?? [undefined, output, Infinity];
  return { code, output: said, ms: Number(ms) };
}

describe('the connections of a store', () => {
  it.each<[string, ClientOptions]>([
    ['RESP2', { protocol: 2 }],
    ['RESP3', { protocol: 3 }],
    ['auto-pipelining', { enableAutoPipelining: true }],
    ['no ready check', { enableReadyCheck: false }],
    ['texts for numbers', { stringNumbers: true }],
    ['objects for maps', { ...({ replyMapping: 'resp3' } as object) }],
    ['no retries', { retryStrategy: () => null, maxRetriesPerRequest: 0, autoResubscribe: false }],
    ['another database', { db: 3 }],
  ])('work whatever the client was made with: %s', async (_name, options) => {
    const [one, other] = pair(options);
    await Promise.all([one.isMode('shared'), other.isMode('shared')]);
    await Promise.all([one.hears(true), other.hears(true)]);
    one.trip();

    expect(await other.becomes('open')).toBeLessThan(500);
    expect(one.count('step', 'error') + one.count('sync', 'error')).toBe(0);
    await closeMembers(one, other);
  });

  it('are two of a process, under the name of the client', async () => {
    const before = await connections();
    const [one, other] = pair({ connectionName: 'app' });
    await Promise.all([one.hears(true), other.hears(true)]);

    const ours = (await connections()).filter(({ id }) => !before.some((known) => known['id'] === id));
    expect(ours.map(({ name, sub }) => `${name} ${sub}`).toSorted()).toEqual(['app 0', 'app 0', 'app 1', 'app 1']);
    await closeMembers(one, other);
  });

  it('charter M10: come back by themselves where the client would not', async () => {
    const [one, other] = pair({ retryStrategy: () => null, connectionName: 'stubborn' });
    await Promise.all([one.hears(true), other.hears(true)]);
    const named = async () => (await connections()).filter(({ name }) => name === 'stubborn').map(({ id }) => id);
    const before = await named();
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await server.admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');

    await eventually(async () => (await named()).filter((id) => !before.includes(id)).length === 4, {
      what: 'four new connections',
    });
    one.trip();
    expect(await other.becomes('open')).toBeLessThan(1000);
    await closeMembers(one, other);
  });

  it('refuse a client whose keys are prefixed', () => {
    const client = new Redis({ lazyConnect: true, keyPrefix: 'app:' });

    expect(() => redisCircuitStore(client, { namespace: 'a' })).toThrow('redis.keyPrefix must be absent');
  });

  it('charter M11: share the first circuit that is opened before there is any connection', async () => {
    const [one, other] = pair({});
    one.trip();

    expect(await other.becomes('open')).toBeLessThan(1000);
    await closeMembers(one, other);
  });
});

describe('a process that has closed its store', () => {
  it('ends by itself', async () => {
    const { code, output, ms } = await ends(server.port, 5000);

    expect(output).toBe('shared\nclosed\n');
    expect(code).toBe(0);
    expect(ms).toBeLessThan(500);
  });

  it('ends by itself where there is no server', async () => {
    const { code, output, ms } = await ends(1, 300);

    expect([code, output]).toEqual([0, 'local\nclosed\n']);
    expect(ms).toBeLessThan(500);
  });

  it('ends by itself where the server does not answer', async () => {
    server.pause();
    const { code, output, ms } = await ends(server.port, 300);
    server.resume();

    expect([code, output]).toEqual([0, 'local\nclosed\n']);
    expect(ms).toBeLessThan(1500);
  });
});
