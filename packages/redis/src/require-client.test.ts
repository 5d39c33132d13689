import { ConfigError } from '@holdfast/core';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { redisOnce, redisRateLimiter } from './index.ts';
import type { RedisClient } from './redis-client.ts';
import { requireClient } from './require-client.ts';

const rate = { namespace: 'shop', name: 'quota', maxPerInterval: 5 };
const makers: readonly [string, (...given: never[]) => unknown][] = [
  ['redisOnce', redisOnce],
  ['redisRateLimiter', redisRateLimiter],
];
const noClients: readonly [string, unknown, string][] = [
  ['an address', 'redis://localhost', '"redis://localhost"'],
  ['options of a client', { host: 'localhost' }, 'an object'],
  ['the options that come second', rate, 'an object'],
  ['nothing', undefined, 'undefined'],
  ['null', null, 'null'],
];

describe('requireClient', () => {
  it('takes a client and a Cluster', () => {
    expect(() => requireClient('p', new Redis({ lazyConnect: true }))).not.toThrow();
    expect(() => requireClient('p', new Cluster([{ port: 1 }], { lazyConnect: true }))).not.toThrow();
  });

  it.each(noClients)('refuses %s, by name', (_what, given, shown) => {
    const error = new ConfigError('p.redis', 'a client of ioredis', given);

    expect(error.message).toBe(`p.redis must be a client of ioredis, got ${shown}`);
    expect(() => requireClient('p', given as RedisClient)).toThrow(error);
  });

  it('refuses a client with a keyPrefix', () => {
    const prefixed = new Redis({ lazyConnect: true, keyPrefix: 'a:' });

    expect(() => requireClient('p', prefixed)).toThrow('keyPrefix');
  });
});

describe.each(makers)('%s', (place, make) => {
  it.each(noClients)('refuses %s instead of a client', (_what, given) => {
    const error = new ConfigError(`${place}.redis`, 'a client of ioredis', given);

    expect(() => make(given as never, rate as never)).toThrow(error);
  });

  it('refuses a client without options', () => {
    const client = new Redis({ lazyConnect: true });

    expect(() => make(client as never)).toThrow(new ConfigError(place, 'an object of options', undefined));
  });
});
