import { redisOnce } from '@holdfast/redis';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { onceClaimLua, onceFinishLua, onceRenewLua } from '../../../packages/redis/src/lua-sources.ts';
import { eventually } from '../../redis-lab/eventually.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type OnceRecord, onceInModel } from '../../redis/once-model.ts';

/** What the page documents: nothing more is needed, and each of these is. */
const rights = '+evalsha +eval +time +hmget +hset +hdel +pexpire +info +ping +hello';
const key = 'rb1:{t/once/k}';
const texts: Readonly<Record<string, string>> = {
  'once-claim': onceClaimLua,
  'once-renew': onceRenewLua,
  'once-finish': onceFinishLua,
};

let redis: RedisServer;
let client: Redis;

beforeAll(async () => {
  redis = await startRedisServer();
  client = redis.admin;
});
beforeEach(() => client.flushall());
afterAll(() => redis.stop());

async function serverNow(): Promise<number> {
  const [seconds, micros] = await client.time();
  return Number(seconds) * 1_000_000 + Number(micros);
}

async function stored(): Promise<OnceRecord | undefined> {
  const hash = await client.hgetall(key);
  if (hash['s'] === undefined) return undefined;
  const numbers = ['t', 'a', 'u', 'm'].flatMap((name) =>
    hash[name] === undefined ? [] : [[name, Number(hash[name])]],
  );
  return { ...hash, ...Object.fromEntries(numbers) } as OnceRecord;
}

const steps = fc
  .array(
    fc.record({
      name: fc.constantFrom('once-claim', 'once-claim', 'once-renew', 'once-finish'),
      holder: fc.constantFrom('a', 'b'),
      token: fc.constantFrom('last', 'last', 'older'),
      outcome: fc.constantFrom('d', 'n', 'f', 'i', 'i'),
      leaseMs: fc.constantFrom(1, 1000),
      /** The lease as it stands is moved, as a stepped clock would. */
      moveMs: fc.constantFrom(0, 0, 0, -5000, 5000, 3_600_000),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map(([first, ...rest]) => [{ ...first, name: 'once-claim' } as typeof first & object, ...rest] as const); // there is a token

type Taken = typeof steps extends fc.Arbitrary<infer T> ? (T extends readonly (infer S)[] ? S : never) : never;

/** Moves the end of a lease, in the server and in what is known of it. */
async function move(record: OnceRecord | undefined, byMs: number): Promise<OnceRecord | undefined> {
  if (record?.u === undefined || byMs === 0) return record;
  const u = record.u + byMs * 1000;
  await client.hset(key, 'u', String(u));
  return { ...record, u };
}

function argumentsOf({ name, holder, token, outcome, leaseMs }: Taken, record: OnceRecord | undefined): string[] {
  const last = String((record?.t ?? 0) - (token === 'last' ? 0 : 1));
  if (name === 'once-claim') return [holder, String(leaseMs), '60000'];
  return name === 'once-renew' ? [last, String(leaseMs), '60000'] : [last, outcome, `"${holder}"`, '60000'];
}

/** Runs a script on the server and in the model, and compares. Returns the record after it. */
async function runBoth(step: Taken, record: OnceRecord | undefined): Promise<OnceRecord | undefined> {
  const args = argumentsOf(step, record);
  const from = await serverNow();
  const reply = await client.eval(texts[step.name] ?? '', 1, key, ...args);
  const until = await serverNow();
  const after = await stored();
  const now = after?.u !== undefined && after.u !== record?.u ? after.u - step.leaseMs * 1000 : from;
  const [byModel, told] = onceInModel(step.name, record, args, now);
  expect(now).toBeGreaterThanOrEqual(from);
  expect(now).toBeLessThanOrEqual(until);
  const isBusy = Array.isArray(told) && told[0] === 'busy'; // how long it is, depends on the very instant
  expect(isBusy ? (reply as unknown[])[0] : reply).toEqual(isBusy ? 'busy' : told);
  expect(after).toEqual(byModel);
  return after;
}

describe('the scripts of once, against their model in TypeScript', () => {
  it('give the same replies and keep the same record', async () => {
    const property = fc.asyncProperty(steps, async (taken) => {
      await client.flushall();
      let record: OnceRecord | undefined;
      for (const step of taken) record = await runBoth(step, await move(record, step.moveMs));
    });
    await fc.assert(property, { numRuns: 250 });
  }, 60_000);
});

describe('redisOnce, on a server', () => {
  function once(options: Partial<Parameters<typeof redisOnce>[1]> = {}, login = {}) {
    const patient = { namespace: 'shop', commandTimeoutMs: 5000, ...options };
    const made = redisOnce(redis.connect({ lazyConnect: true, ...login }), patient);
    onTestFinished(() => made.close());
    return made;
  }

  it('works with the documented rights, touches no other key, and gives every key a time to live', async () => {
    await client.call('ACL', [
      'SETUSER',
      'app',
      'on',
      '>secret',
      'resetkeys',
      'resetchannels',
      '~rb1:{shop/*',
      '-@all',
      ...rights.split(' '),
    ]);
    const made = once({}, { username: 'app', password: 'secret' });

    expect(await made.run('refund/ü', () => ({ paid: 7 }))).toEqual({ paid: 7 });
    expect(await made.run('refund/ü', () => ({ paid: 8 }))).toEqual({ paid: 7 });
    expect(await redis.keys()).toEqual(['rb1:{shop/once/refund/%C3%BC}']);
    expect(await redis.keysWithoutTtl()).toEqual([]);
    expect(made.health()).toMatchObject({ status: 'ready', failed: 0 });
  });

  it.each(['+evalsha', '+time', '+hmget', '+hset', '+pexpire'])('needs %s, and runs nothing without', async (right) => {
    const rest = rights.split(' ').filter((other) => other !== right);
    await client.call('ACL', ['SETUSER', 'less', 'on', '>secret', 'resetkeys', '~rb1:{shop/*', '-@all', ...rest]);
    const made = once({}, { username: 'less', password: 'secret' });
    let ran = 0;

    await expect(made.run('k', () => ran++)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(ran).toBe(0);
    await client.call('ACL', ['DELUSER', 'less']);
  });

  it('heals from SCRIPT FLUSH between any two steps', async () => {
    const made = once();
    const value = await made.run('k', async () => {
      await client.script('FLUSH');
      return 7;
    });

    expect(value).toBe(7);
  });

  it('runs nothing while the server is stopped, in bounded time, and goes on by itself when it is back', async () => {
    const made = once({ commandTimeoutMs: 500 });
    await eventually(() => made.run('before', () => true), { what: 'a run before' });
    redis.pause();
    const from = performance.now();
    let ran = 0;
    await expect(made.run('k', () => ran++)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(performance.now() - from).toBeLessThan(10_000);
    expect(ran).toBe(0);
    redis.resume();

    const value = await eventually(() => made.run('other', () => 'ran'), { what: 'a run' });
    expect(value).toBe('ran');
  });

  it('says that a job was done which could not be recorded, when the server was killed meanwhile', async () => {
    const made = once({ commandTimeoutMs: 2000 });
    const outcome = made.run('k', async () => {
      await redis.kill();
      return 'done';
    });

    await expect(outcome).rejects.toMatchObject({ code: 'ONCE_UNRECORDED', value: 'done' });
    await redis.restart({ empty: true });
    client = redis.admin;
  });
});
