import { onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { nodeConnection, ownConnection } from './own-connection.ts';
import type { ClusterNode, OwnConnection, RedisClient } from './redis-client.ts';

const settings = { role: 'commands', commandTimeoutMs: 200, random: () => 0.5 } as const;

/** The options of a connection that is made of `client`, which is ended at once. */
function optionsOf(client: RedisClient, own: OwnConnection = ownConnection(client, settings)): Record<string, never> {
  own.disconnect();
  return (own as unknown as { readonly options: Record<string, never> }).options;
}

/** Everything that an application may have set against what we need. */
const contrary = {
  lazyConnect: true,
  maxRetriesPerRequest: null,
  enableOfflineQueue: true,
  enableReadyCheck: false,
  enableAutoPipelining: true,
  autoResendUnfulfilledCommands: true,
  autoResubscribe: true,
  readOnly: true,
  stringNumbers: true,
  showFriendlyErrorStack: true,
  retryStrategy: () => null,
} as const;

describe('ownConnection', () => {
  it('(1) (2) duplicates the client with options of its own, and leaves the client as it was', () => {
    const client = new Redis({ ...contrary, keyPrefix: '', host: 'redis.example', password: 'secret', db: 3 });
    const options = optionsOf(client);

    expect(client.status).toBe('wait');
    expect(client.options).toMatchObject(contrary);
    expect(options).toMatchObject({
      host: 'redis.example',
      password: 'secret',
      db: 3,
      enableOfflineQueue: false,
      enableReadyCheck: true,
      enableAutoPipelining: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      commandTimeout: 200,
      socketTimeout: 400,
      readOnly: false,
      stringNumbers: false,
      showFriendlyErrorStack: false,
    });
  });

  it('(1) (2) does so with a Cluster, whose servers are asked once as well', () => {
    const client = new Cluster([{ host: 'redis.example', port: 1 }], {
      lazyConnect: true,
      scaleReads: 'slave',
      enableAutoPipelining: true,
      shardedSubscribers: true,
      redisOptions: { ...contrary, password: 'secret' },
    });
    const options = optionsOf(client);

    expect(client.status).toBe('wait');
    expect(client.options.redisOptions).toMatchObject(contrary);
    expect(options).toMatchObject({
      enableOfflineQueue: false,
      scaleReads: 'master',
      enableAutoPipelining: false,
      shardedSubscribers: false,
      maxRedirections: 3,
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      redisOptions: {
        password: 'secret',
        lazyConnect: true,
        maxRetriesPerRequest: 0,
        autoResendUnfulfilledCommands: false,
        commandTimeout: 200,
      },
    });
  });

  it('asks Sentinels for the master, whoever the client wants', () => {
    const sentinels = [{ host: '127.0.0.1', port: 1 }];
    const client = new Redis({ lazyConnect: true, sentinels, name: 'prod', role: 'slave' });

    expect(optionsOf(client)).toMatchObject({ sentinels, name: 'prod', role: 'master', failoverDetector: true });
  });

  it.each([
    ['Redis', () => new Redis({ lazyConnect: true, keyPrefix: 'app:' })],
    ['Cluster', () => new Cluster([{ port: 1 }], { lazyConnect: true, keyPrefix: 'app:' })],
    [
      'Cluster whose servers have it',
      () => new Cluster([], { lazyConnect: true, redisOptions: { keyPrefix: 'app:' } }),
    ],
  ])('refuses a client whose keys are prefixed: a %s', (_name, make) => {
    expect(() => ownConnection(make(), settings)).toThrow('redis.keyPrefix must be absent');
  });

  it('reconnects where the server is no master any more, once a second and without sending again', async () => {
    const clock = virtualClock();
    const own = ownConnection(new Redis({ lazyConnect: true }), { ...settings, clock });
    const reconnects = optionsOf(new Redis({ lazyConnect: true }), own)['reconnectOnError'] as never as (
      error: Error,
    ) => unknown;
    const wrapped = new Error('ERR Error running script: -READONLY You can not write against a read only replica');

    expect([reconnects(new Error('NOSCRIPT')), reconnects(wrapped), reconnects(wrapped)]).toEqual([false, 1, false]);
    await clock.advance(1000);
    expect(reconnects(new Error('LOADING'))).toBe(1);
  });

  it('(3) charter M7: hears the errors of its connection', () => {
    const own = ownConnection(new Redis({ lazyConnect: true }), settings) as unknown as Redis;
    own.disconnect();

    expect(own.listenerCount('error')).toBe(1);
  });

  it('(4) comes back for ever, at other times than other processes', () => {
    const strategyWith = (random: () => number): ((attempt: number) => number) =>
      optionsOf(new Redis({ ...contrary }), ownConnection(new Redis({ ...contrary }), { ...settings, random }))[
        'retryStrategy'
      ] as never;

    for (const attempt of [1, 5, 1000, 1e9]) {
      expect(strategyWith(() => 0)(attempt)).toBe(50);
      expect(strategyWith(() => 0.999)(attempt)).toBeGreaterThan(90);
      expect(strategyWith(() => 0.999)(attempt)).toBeLessThan(1000);
    }
  });

  it('(4) comes back also where the source of randomness is broken', () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    const own = ownConnection(new Redis({ lazyConnect: true }), { ...settings, random: broken });
    const strategy = optionsOf(new Redis({ lazyConnect: true }), own)['retryStrategy'] as never as (
      n: number,
    ) => number;
    const told: unknown[] = [];
    const before = onHookError((error) => told.push(error.cause));

    expect(strategy(3)).toBeGreaterThanOrEqual(50);
    onHookError(before);
    expect(told).toHaveLength(1);
  });
});

describe('nodeConnection', () => {
  it('connects to one server, and does not come back by itself', () => {
    const node = new Redis({ lazyConnect: true, port: 7, readOnly: true });
    const own = nodeConnection(node as unknown as ClusterNode, { ...settings, role: 'subscriber' });

    expect(optionsOf(node, own)).toMatchObject({
      port: 7,
      retryStrategy: null,
      readOnly: false,
      autoResubscribe: false,
    });
    expect((own as unknown as Redis).listenerCount('error')).toBe(1);
  });
});
