import { EventEmitter } from 'node:events';

import { type Clock, systemClock } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { type RedisServer, startRedisServer } from '../../../test/redis-lab/redis-server.ts';
import { StoreUnavailableError, luaScript, runScript } from './lua-script.ts';
import type { OwnConnection } from './redis-client.ts';

const add = luaScript('add', "return redis.call('INCRBY', KEYS[1], ARGV[1])");

/** A connection that answers as it is told, and notes what it was sent. */
function connectionThat(answers: { evalsha: () => Promise<unknown>; eval?: () => Promise<unknown>; status?: string }) {
  const sent: string[] = [];
  const connection = {
    status: answers.status ?? 'ready',
    evalsha: (sha: string) => {
      sent.push(`evalsha ${sha === add.sha ? 'add' : sha}`);
      return answers.evalsha();
    },
    eval: (text: string) => {
      sent.push(`eval ${text === add.text ? 'add' : text}`);
      return answers.eval?.() ?? Promise.resolve('by text');
    },
  };
  return { connection: connection as unknown as OwnConnection, sent };
}

const never = (): Promise<unknown> => new Promise(() => {});
const noScript = (): Promise<unknown> => Promise.reject(new Error('NOSCRIPT No matching script. Please use EVAL.'));

function run(connection: OwnConnection, clock: Clock = systemClock, timeoutMs = 50): Promise<unknown> {
  return runScript(connection, add, { keys: ['a'], args: [1], timeoutMs }, clock);
}

describe('runScript', () => {
  it('(1) rejects after timeoutMs where no reply comes, and leaves no timer', async () => {
    const clock = virtualClock();
    const { connection } = connectionThat({ evalsha: never });
    const outcome = run(connection, clock).catch((error: unknown) => error);
    await clock.advance(49);
    expect(clock.pendingCount).toBe(1);
    expect(clock.referencedCount).toBe(0);

    await clock.advance(1);
    await expect(outcome).resolves.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('50 ms'),
    });
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) rejects at once where the connection is not ready, and sends nothing', async () => {
    const { connection, sent } = connectionThat({ evalsha: never, status: 'reconnecting' });

    await expect(run(connection)).rejects.toThrow('the connection is reconnecting');
    expect(sent).toEqual([]);
  });

  it("(1) rejects with the server's error as the cause, also of a connection that throws", async () => {
    const readOnly = new Error('READONLY You can not write against a read only replica');
    const rejecting = connectionThat({ evalsha: () => Promise.reject(readOnly) });
    const throwing = connectionThat({
      evalsha: () => {
        throw readOnly;
      },
    });

    await expect(run(rejecting.connection)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', cause: readOnly });
    await expect(run(throwing.connection)).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it('(2) (3) sends a script once where its reply is lost: it may have run', async () => {
    const lost = connectionThat({ evalsha: () => Promise.reject(new Error('Connection is closed.')) });

    await expect(run(lost.connection)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(lost.sent).toEqual(['evalsha add']);
  });

  it('(3) sends the text after NOSCRIPT, once', async () => {
    const known = connectionThat({ evalsha: noScript });
    const unknown = connectionThat({ evalsha: noScript, eval: noScript });

    await expect(run(known.connection)).resolves.toBe('by text');
    expect(known.sent).toEqual(['evalsha add', 'eval add']);
    await expect(run(unknown.connection)).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(unknown.sent).toEqual(['evalsha add', 'eval add']);
  });

  it('(3) waits for the server of a Cluster that is being connected to, and sends nothing once its time is over', async () => {
    const clock = virtualClock();
    const node = Object.assign(new EventEmitter(), { status: 'connecting', options: { host: 'h', port: 1 } });
    const { connection, sent } = connectionThat({ evalsha: () => Promise.resolve('by hash') });
    const cluster = Object.assign(connection, {
      slots: Array.from({ length: 16_384 }, () => ['h:1']),
      nodes: () => [node],
    });
    const early = run(cluster, clock);
    const late = run(cluster, clock).catch((error: unknown) => error);
    await clock.advance(10);
    expect(sent).toEqual([]);

    node.status = 'ready';
    node.emit('ready');
    await expect(early).resolves.toBe('by hash');
    await expect(late).resolves.toBe('by hash');
    expect(node.eventNames()).toEqual([]);

    node.status = 'connecting';
    const unanswered = run(cluster, clock).catch((error: unknown) => error);
    await clock.advance(50);
    node.emit('close');
    await expect(unanswered).resolves.toMatchObject({ trouble: 'timeout' });
    expect(sent).toHaveLength(2);
  });

  it('(3) sends nothing more once its time is over', async () => {
    const clock = virtualClock();
    let answer: (error: Error) => void = () => {};
    const late = connectionThat({ evalsha: () => new Promise((_resolve, reject) => (answer = reject)) });
    const outcome = run(late.connection, clock).catch((error: unknown) => error);
    await clock.advance(50);
    await expect(outcome).resolves.toBeInstanceOf(StoreUnavailableError);

    answer(new Error('NOSCRIPT'));
    await clock.advance(0);
    expect(late.sent).toEqual(['evalsha add']);
  });
});

describe('runScript, against a server', () => {
  let server: RedisServer;
  let client: Redis;

  beforeAll(async () => {
    server = await startRedisServer();
    client = server.connect({ enableOfflineQueue: false, maxRetriesPerRequest: 0, lazyConnect: true });
    await client.connect();
  });
  afterAll(() => server.stop());

  it('(3) heals after SCRIPT FLUSH, and runs each script once', async () => {
    const patiently = () => run(client as unknown as OwnConnection, systemClock, 30_000); // a server may be slow to answer
    expect(await patiently()).toBe(1);
    await client.script('FLUSH');
    expect(await patiently()).toBe(2);
    expect(await patiently()).toBe(3);
  });

  it('(1) (2) gives a stopped server up in time, whose ghost runs later', async () => {
    const connection = client as unknown as OwnConnection;
    await client.set('a', 0);
    server.pause();
    await expect(run(connection)).rejects.toThrow('no reply within 50 ms');
    server.resume();

    expect(await client.get('a')).toBe('1');
  });
});
