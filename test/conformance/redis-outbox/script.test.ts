import { isDeepStrictEqual } from 'node:util';

import { type Outbox, type OutboxEntry, createDeferral, memoryOutbox } from '@holdfast/degradation';
import { virtualClock } from '@holdfast/core/testing';
import { type RedisOutboxOptions, redisOutbox } from '@holdfast/redis';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from '../../redis-lab/eventually.ts';
import { makeFakeTime } from '../../redis-lab/fake-time.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';

/** What the page documents: nothing more is needed. */
const rights =
  '+evalsha +eval +time +exists +xadd +xack +xdel +xlen +xrange +xpending +xautoclaim +xreadgroup +xgroup +xinfo ' +
  '+del +hget +hmget +hset +hdel +hexists +zscore +zadd +zremrangebyscore +zremrangebyrank +pexpire +info +ping +hello';
const stream = 'rb1:{shop/outbox/work}:s';
const terms = { leaseMs: 3_600_000, gapMs: 0 };

let redis: RedisServer;
let client: Redis;

beforeAll(async () => {
  redis = await startRedisServer();
  client = redis.admin;
});
beforeEach(() => client.flushall());
afterAll(() => redis.stop());

function open(options: Partial<RedisOutboxOptions> = {}, login = {}) {
  const made = redisOutbox<unknown>(redis.connect({ lazyConnect: true, ...login }), {
    namespace: 'shop',
    name: 'work',
    commandTimeoutMs: 2000,
    ...options,
  });
  onTestFinished(() => made.close());
  return made;
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom(
      ...(['add', 'add', 'add', 'take', 'take', 'settle', 'postpone', 'bury'] as const),
      ...(['revive', 'discard', 'expire', 'old'] as const),
    ),
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    who: fc.nat(3),
  }),
  { minLength: 3, maxLength: 25 },
);

/** Two outboxes that are done the same to. */
class Pair {
  readonly held: (readonly [OutboxEntry<unknown>, OutboxEntry<unknown>])[] = [];
  readonly ended: (readonly [OutboxEntry<unknown>, OutboxEntry<unknown>])[] = [];
  readonly #clock = virtualClock();
  readonly model: Outbox<unknown> = memoryOutbox({ maxItems: 4, rememberMs: 604_800_000, clock: this.#clock });
  readonly subject: Outbox<unknown>;

  constructor(subject: Outbox<unknown>) {
    this.subject = subject;
  }

  /** Lets all leases end: in the model by time, on the server by what it knows of them. */
  async expire(): Promise<void> {
    await this.#clock.advance(7_200_000);
    for (const [id, consumer] of (await client.xpending(stream, 'g', '-', '+', 100).catch(() => [])) as [
      string,
      string,
    ][])
      await client.xclaim(stream, 'g', consumer, 0, id, 'IDLE', 7_200_000, 'JUSTID');
  }

  async both(run: (outbox: Outbox<unknown>, index: 0 | 1) => Promise<unknown>): Promise<void> {
    const [byServer, byModel] = [await run(this.subject, 0), await run(this.model, 1)];
    agree(byServer, byModel);
    const looks = await Promise.all(
      [this.subject, this.model].map(async (one) => [await one.count(), await one.dead(10)]),
    );
    agree(looks[0], looks[1]);
  }
}

function agree(byServer: unknown, byModel: unknown): void {
  if (!isDeepStrictEqual(byServer, byModel))
    throw new Error(`the server says ${JSON.stringify(byServer)}, the model ${JSON.stringify(byModel)}`);
}

async function play(pair: Pair, { what, key, who }: { what: string; key: string; who: number }): Promise<void> {
  const chosen = pair.held[who % Math.max(1, pair.held.length)];
  if (what === 'expire') await pair.expire();
  else if (what === 'add') await pair.both((outbox) => outbox.add(key, { of: key }));
  else if (what === 'revive') await pair.both((outbox) => outbox.revive(key));
  else if (what === 'discard') await pair.both((outbox) => outbox.discard(key));
  else if (what === 'take') await takeBoth(pair);
  else if (what === 'old') await pair.both(async (outbox, index) => repeat(outbox, pair.ended[who]?.[index], who));
  else if (chosen !== undefined) {
    pair.held.splice(pair.held.indexOf(chosen), 1);
    pair.ended.push(chosen);
    await pair.both(async (outbox, index) => {
      if (what === 'settle') await outbox.settle(chosen[index]);
      else if (what === 'postpone') await outbox.postpone(chosen[index], 0);
      else await outbox.bury(chosen[index], `because ${key}`);
    });
  }
}

/** A ghost: what was said once is heard again. */
async function repeat(outbox: Outbox<unknown>, entry: OutboxEntry<unknown> | undefined, who: number): Promise<void> {
  if (entry === undefined) return;
  if (who === 0) await outbox.postpone(entry, 0);
  else if (who === 1) await outbox.bury(entry, 'a ghost');
  else await outbox.settle(entry);
}

async function takeBoth(pair: Pair): Promise<void> {
  const taken: OutboxEntry<unknown>[] = [];
  await pair.both(async (outbox) => {
    const { entry, waitMs } = await outbox.take(terms);
    if (entry !== undefined) taken.push(entry);
    return [entry?.key, entry?.item, entry?.attempt, waitMs];
  });
  if (taken[0] !== undefined && taken[1] !== undefined) pair.held.push([taken[0], taken[1]]);
}

describe('the scripts of an outbox, against the outbox in memory', () => {
  it('give the same answers and keep the same', async () => {
    const property = fc.asyncProperty(steps, async (taken) => {
      await client.flushall();
      const outbox = open({ maxItems: 4, rememberMs: 604_800_000 });
      const pair = new Pair(outbox);
      for (const step of taken) await play(pair, step);
      await outbox.close();
    });
    await fc.assert(property, { numRuns: 400 });
  }, 120_000);
});

describe('redisOutbox, on a server', () => {
  const workThrough = async (outbox: ReturnType<typeof open>): Promise<void> => {
    for (const key of ['a', 'b', 'ü']) await outbox.add(key, { of: key });
    await outbox.settle((await outbox.take(terms)).entry!);
    await outbox.bury((await outbox.take(terms)).entry!, 'no');
    await outbox.postpone((await outbox.take({ leaseMs: 1000, gapMs: 5 })).entry!, 5);
    expect(await outbox.count()).toEqual({ waiting: 1, taken: 0, dead: 1 });
    expect(await outbox.dead(5)).toMatchObject([{ key: 'b', attempt: 1, why: 'no' }]);
    expect([await outbox.revive('b'), await outbox.discard('b'), await outbox.risks()]).toEqual([
      true,
      false,
      ['no-append-only-file'],
    ]);
  };

  it('works with the documented rights, and touches no other key', async () => {
    const rules = ['resetkeys', 'resetchannels', '~rb1:{shop/*', '-@all', ...rights.split(' ')];
    await client.call('ACL', ['SETUSER', 'app', 'on', '>secret', ...rules]);
    const outbox = open({}, { username: 'app', password: 'secret' });

    await workThrough(outbox);
    expect((await redis.keys()).every((key) => key.startsWith('rb1:{shop/outbox/work}:'))).toBe(true);
    expect(outbox.health()).toMatchObject({ status: 'ready', failed: 0 });
  });

  it('says which rights are missing by refusing, and changes nothing', async () => {
    const rules = ['resetkeys', '~rb1:{shop/*', '-@all', ...rights.split(' ').filter((one) => one !== '+xadd')];
    await client.call('ACL', ['SETUSER', 'less', 'on', '>secret', ...rules]);
    const outbox = open({}, { username: 'less', password: 'secret' });

    await expect(outbox.add('a', 1)).rejects.toThrow(/outbox-add.*can't run this command/);
    expect(await outbox.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
  });

  it('charter M3: heals from SCRIPT FLUSH', async () => {
    const outbox = open();
    await outbox.add('a', 1);
    await client.script('FLUSH');

    expect((await outbox.take(terms)).entry?.key).toBe('a');
  });

  it('charter M1: answers a defer promptly and clearly while the server is stopped or gone, and goes on by itself', async () => {
    const outbox = open({ commandTimeoutMs: 1000 });
    const deferral = createDeferral({ outbox, keyOf: String, deliver: () => {}, isDeferred: () => true });
    onTestFinished(() => deferral.close());
    await deferral.defer('before');
    const refusedIn = async (): Promise<number> => {
      const from = performance.now();
      await expect(deferral.defer('during')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      return performance.now() - from;
    };
    await redis.save();

    redis.pause();
    expect(await refusedIn()).toBeLessThan(10_000);
    redis.resume();
    await redis.kill();
    expect(await refusedIn()).toBeLessThan(10_000);
    await redis.restart({ empty: false });
    client = redis.admin;

    const again = await eventually(() => deferral.defer('after').catch(() => undefined), {
      what: 'a defer',
    });
    expect(again).toEqual({ key: 'after', isNew: true });
    expect((await deferral.defer('before')).isNew).toBe(false); // it was in the snapshot
  }, 60_000);

  it('refuses what a full server has no room for, and hands out and lets go what it has', async () => {
    const outbox = open();
    for (const key of ['a', 'b']) await outbox.add(key, 'x'.repeat(10_000));
    await client.config('SET', 'maxmemory', '1');
    onTestFinished(async () => void (await client.config('SET', 'maxmemory', '0')));

    await expect(outbox.add('c', 'x')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await outbox.settle((await outbox.take(terms)).entry!);
    const second = (await outbox.take(terms)).entry!;
    expect(second.key).toBe('b');
    await expect(outbox.bury(second, 'no')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await outbox.count()).toEqual({ waiting: 0, taken: 1, dead: 0 });
    await outbox.settle(second);
    expect(await outbox.add('a', 1).catch((error: Error) => error.name)).toBe('known');
  });

  it('tells of settings that may cost the work', async () => {
    const outbox = open();
    expect(await outbox.risks()).toEqual(['no-append-only-file']);
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await client.config('SET', 'appendonly', 'yes');
    onTestFinished(async () => void (await client.config('SET', 'maxmemory-policy', 'noeviction', 'appendonly', 'no')));

    expect(await outbox.risks()).toEqual(['evicts-keys']);
  });

  it('drops consumers of processes that are gone for a day, and gives what they had to others', async () => {
    const time = makeFakeTime();
    await using server = await startRedisServer({ env: time.env });
    const outbox = redisOutbox<unknown>(server.connect({ lazyConnect: true }), { namespace: 'shop', name: 'work' });
    for (const key of ['a', 'b', 'c']) await outbox.add(key, key);
    await outbox.take({ leaseMs: 1000, gapMs: 0 });
    await outbox.close(); // its process was killed
    const other = redisOutbox<unknown>(server.connect({ lazyConnect: true }), { namespace: 'shop', name: 'work' });
    expect((await other.take({ leaseMs: 1000, gapMs: 0 })).entry?.key).toBe('b');
    time.step(2 * 86_400_000);

    expect((await other.take({ leaseMs: 1000, gapMs: 0 })).entry).toMatchObject({ key: 'a', attempt: 2 });
    time.step(120_000);
    await other.take({ leaseMs: 1000, gapMs: 0 });
    const consumers = (await server.admin.xinfo('CONSUMERS', stream, 'g')) as unknown[];
    await other.close();

    expect(consumers).toHaveLength(3); // those of the other: that of the process that was killed is gone
  });
});
