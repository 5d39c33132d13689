import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { startFleet } from '../../redis-lab/fleet.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type CrashStep, crashSteps } from './crash-steps.ts';
import type { OnceCommands, OnceMemberSettings } from './once-member.ts';

const module = new URL('once-member.ts', import.meta.url);
/** How long a crash holds a job up; and longer than any job takes where none is to crash, on a busy machine too. Milliseconds. */
const [CRASH_LEASE_MS, LONG_LEASE_MS] = [1500, 30_000];

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
beforeEach(() => redis.admin.flushall());
afterAll(() => redis.stop());

async function start(count: number, crashAt?: CrashStep, leaseMs = CRASH_LEASE_MS) {
  const settings = (): OnceMemberSettings => ({ port: redis.port, leaseMs, crashAt });
  const fleet = await startFleet<OnceCommands>({ module, count, settings });
  onTestFinished(() => fleet.stop());
  return fleet;
}

async function ledger(key: string) {
  const [began, done] = await Promise.all([
    redis.admin.lrange(`began:${key}`, 0, -1),
    redis.admin.lrange(`done:${key}`, 0, -1),
  ]);
  return { began: began.map(Number), done: done.map(Number) };
}

/** How often a job begins, and is done, where its first process dies at a step. */
const expected: Readonly<Record<CrashStep, { readonly began: readonly number[]; readonly done: readonly number[] }>> = {
  'before claim': { began: [1], done: [1] },
  'claim sent': { began: [1], done: [1] },
  claimed: { began: [1], done: [1] },
  'in job': { began: [2], done: [1] },
  renewing: { began: [2], done: [1] },
  'after job': { began: [2], done: [2] }, // nobody can know that it was done: the second token says so
  'finish sent': { began: [1, 2], done: [1, 2] }, // whichever came first
  finished: { began: [1], done: [1] },
};

describe('redisOnce, 8 processes', () => {
  it('runs a job exactly once under 1,000 concurrent tries, and gives all its result', async () => {
    const fleet = await start(8, undefined, LONG_LEASE_MS);
    const answers = await fleet.askAll('try', { key: 'k', count: 125, jobMs: 50 });
    const { began, done } = await ledger('k');

    expect(began).toHaveLength(1);
    expect(done).toEqual(began);
    expect(answers.flat()).toHaveLength(1000);
    expect(new Set(answers.flat()).size).toBe(1);
    expect(answers[0]?.[0]).toContain(`"fencingToken":${began[0]}`);
    await fleet.askAll('close');
    await redis.admin.del('began:k', 'done:k');
    expect(await redis.keysWithoutTtl()).toEqual([]);
  }, 60_000);

  it('runs 200 jobs once each, asked for by all at the same time', async () => {
    const fleet = await start(8, undefined, LONG_LEASE_MS);
    const keys = Array.from({ length: 200 }, (_, index) => `k${index}`);
    const answers = await Promise.all(keys.map((key) => fleet.askAll('try', { key, count: 1, jobMs: 1 })));
    const ledgers = await Promise.all(keys.map(ledger));

    expect(answers.every((of) => new Set(of.flat()).size === 1)).toBe(true);
    expect(ledgers.every(({ began, done }) => began.length === 1 && done.length === 1)).toBe(true);
  }, 60_000);

  it.each(crashSteps)(
    'runs it again where the first process was killed: %s; 1,000 tries agree',
    async (step) => {
      const fleet = await start(8);
      const doomed = (await start(1, step)).member(0);
      const dying = doomed.ask('try', { key: 'k', count: 5, jobMs: step === 'renewing' ? 5000 : 20 });
      await expect(dying).rejects.toThrow('SIGKILL');
      const answers = (await fleet.askAll('try', { key: 'k', count: 125, jobMs: 20 })).flat();
      const { began, done } = await ledger('k');

      expect(answers).toHaveLength(1000);
      expect(new Set(answers).size).toBe(1);
      expect(answers[0]).toContain(`"fencingToken":${done.at(-1)}`);
      expect(expected[step].began).toContain(began.length);
      expect(expected[step].done).toContain(done.length);
      expect(began).toEqual(began.toSorted((a, b) => a - b));
    },
    60_000,
  );

  it('runs it to its end once where five processes are killed one after the other, each in its job', async () => {
    const fleet = await start(8);
    const tries = { key: 'k', count: 125, jobMs: 20, crashUpTo: 5 };
    const asked = fleet.members.map((member) => member.ask('try', tries).catch(() => []));
    const answers = (await Promise.all(asked)).flat();
    const { began, done } = await ledger('k');

    expect(fleet.running()).toHaveLength(3);
    expect(answers).toHaveLength(375);
    expect(new Set(answers).size).toBe(1);
    expect([began.length, done.length]).toEqual([6, 1]);
    expect(began).toEqual([...new Set(began)].toSorted((a, b) => a - b));
  }, 60_000);

  it('lets a process that was stopped for longer than its lease come back to the result of the other', async () => {
    const fleet = await start(2);
    const [stopped, other] = [fleet.member(0), fleet.member(1)];
    const first = stopped.ask('try', { key: 'k', count: 1, jobMs: 300 });
    for (let began = 0; began === 0;) began = await redis.admin.llen('began:k');
    stopped.pause();
    const [second] = await other.ask('try', { key: 'k', count: 1, jobMs: 10 });
    stopped.resume();

    expect((await ledger('k')).began).toHaveLength(2);
    expect([second, 'ONCE_LEASE_LOST']).toContain((await first)[0]);
    expect(await other.ask('try', { key: 'k', count: 1, jobMs: 10 })).toEqual([second]);
  }, 60_000);
});
