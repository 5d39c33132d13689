import { ConfigError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { eventually, sleep } from '../../../../test/redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../../../test/redis-lab/redis-server.ts';
import { type RedisLevelBallotOptions, redisLevelBallot } from './redis-level-ballot.ts';

let server: RedisServer;
let client: Redis;
let namespace = '';
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis({ port: server.port, lazyConnect: true });
});
afterAll(() => server.stop());
beforeEach(() => {
  namespace = `n${++count}`;
});

function ballotOf(node: string, options: Partial<RedisLevelBallotOptions> = {}) {
  return redisLevelBallot(client, { namespace, node, exchangeMs: 50, commandTimeoutMs: 10_000, ...options });
}

function levels(ballot: ReturnType<typeof ballotOf>): string {
  const votes = ballot.votes().map(({ node, level }) => `${node} ${level}`);
  return votes.toSorted().join(', ');
}

describe('redisLevelBallot', () => {
  it('tells all the levels of all, whatever their names, and each its last', async () => {
    const [one, other] = [ballotOf('a b/é%'), ballotOf('b')];
    one.cast(9);
    one.cast(1.25);
    other.cast(0);

    await eventually(() => levels(one) === 'a b/é% 1.25, b 0' && levels(other) === levels(one), { what: 'the votes' });
    other.cast(3);
    await eventually(() => levels(one) === 'a b/é% 1.25, b 3', { what: 'the later vote' });
    expect(one.health()).toMatchObject({ status: 'ready', lastFailure: undefined });
    one.close();
    other.close();
  });

  it('(1) has no votes at first, and passes over what is no level', async () => {
    const ballot = ballotOf('a');
    expect(ballot.votes()).toEqual([]);
    for (const level of [Number.NaN, -1, Infinity, undefined as never]) ballot.cast(level);
    await eventually(() => ballot.health().answered > 2, { what: 'exchanges' });

    expect(ballot.votes()).toEqual([]);
    ballot.close();
  });

  it('(2) lets votes grow old, also where the server is away', async () => {
    const own = await startRedisServer();
    const ballot = redisLevelBallot(own.connect({ lazyConnect: true }), { namespace, node: 'a', exchangeMs: 50 });
    ballot.cast(2);
    await eventually(() => ballot.votes().length === 1, { what: 'the vote' });
    await own.kill();
    const age = ballot.votes()[0]?.ageMs as number;
    await sleep(300);

    expect((ballot.votes()[0]?.ageMs as number) - age).toBeGreaterThanOrEqual(290);
    await eventually(() => ballot.health().lastFailure !== undefined, { what: 'a failure' });
    ballot.close();
    await own.stop();
  });

  it('(2) comes back by itself, also to a server that has forgotten all', async () => {
    const own = await startRedisServer();
    const ballot = redisLevelBallot(own.connect({ lazyConnect: true }), { namespace, node: 'a', exchangeMs: 50 });
    ballot.cast(2);
    await eventually(() => ballot.votes().length === 1, { what: 'the vote' });
    await own.restart({ empty: true });
    await eventually(() => ballot.votes().length === 0, { what: 'a server without votes' });
    ballot.cast(3);

    await eventually(() => levels(ballot) === 'a 3', { what: 'the vote again' });
    expect(await own.keysWithoutTtl()).toEqual([]);
    ballot.close();
    await own.stop();
  });

  it('(3) drops whoever votes no more', async () => {
    const [one, other] = [ballotOf('a', { voteTtlMs: 1000 }), ballotOf('b', { voteTtlMs: 1000 })];
    const voting = setInterval(() => one.cast(1), 50);
    const otherVoting = setInterval(() => other.cast(2), 50);
    await eventually(() => levels(one) === 'a 1, b 2', { what: 'both votes' });
    clearInterval(otherVoting);
    other.close();

    await eventually(() => levels(one) === 'a 1', { what: 'one vote' });
    expect(await server.admin.hkeys(`rb1:{${namespace}/levels}:v`)).not.toContain('b');
    clearInterval(voting);
    one.close();
  });

  it('(3) passes over what others have put there', async () => {
    const key = `rb1:{${namespace}/levels}:v`;
    const votes = { '%': '99999999999999 1', x: 'rubbish', y: '5', z: '99999999999999 high' };
    await server.admin.hset(key, votes);
    const ballot = ballotOf('a');
    ballot.cast(1);

    await eventually(() => levels(ballot).includes('a 1'), { what: 'the vote' });
    expect(levels(ballot)).toBe('% 1, a 1');
    expect(await server.admin.hkeys(key)).not.toContain('x');
    ballot.close();
  });

  it('(4) ends timer and connection, and has no votes', async () => {
    const clock = virtualClock();
    const ballot = ballotOf('a', { clock });
    expect(clock.referencedCount).toBe(0);
    ballot.close();
    ballot.close();
    ballot.cast(1);

    expect(ballot.votes()).toEqual([]);
    expect(ballot.health().status).toBe('closed');
    expect(clock.pendingCount).toBe(0);
  });

  it.each([
    ['namespace', [undefined, '', 'a b']],
    ['prefix', ['', 'a{']],
    ['node', ['', 5]],
    ['exchangeMs', [49, 60_001, Number.NaN]],
    ['voteTtlMs', [999, 600_001, 1000.5, 1999]],
    ['commandTimeoutMs', [9, 10_001]],
  ])('refuses %s out of its range', (option, values) => {
    for (const value of values)
      expect(() => redisLevelBallot(client, { namespace, [option]: value })).toThrow(ConfigError);
    expect(() => redisLevelBallot(client, { namespace, ttl: 5 } as never)).toThrow(TypeError);
    expect(() => redisLevelBallot({} as never, { namespace })).toThrow('redisLevelBallot.redis');
  });
});
