import { redisOutbox } from '@holdfast/redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from '../../redis-lab/eventually.ts';
import { startFleet } from '../../redis-lab/fleet.ts';
import { type RedisServer, startRedisServer } from '../../redis-lab/redis-server.ts';
import { type CrashStep, crashSteps } from './crash-steps.ts';
import type { OutboxCommands, OutboxMemberSettings } from './outbox-member.ts';

const module = new URL('outbox-member.ts', import.meta.url);

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
beforeEach(() => redis.admin.flushall());
afterAll(() => redis.stop());

async function start(count: number, more: Partial<OutboxMemberSettings> = {}) {
  const accepted = new Set<string>();
  const settings = (): OutboxMemberSettings => ({ port: redis.port, maxItems: 1000, maxPerSecond: 200, ...more });
  const told = ({ value }: { readonly value: unknown }): void => void accepted.add(String(value));
  const fleet = await startFleet<OutboxCommands>({ module, count, settings, told });
  onTestFinished(() => fleet.stop());
  return { fleet, accepted };
}

/** A handle of the test's own. */
function handle() {
  const outbox = redisOutbox<{ key: string }>(redis.connect({ lazyConnect: true }), {
    namespace: 'crash',
    name: 'work',
    commandTimeoutMs: 2000,
  });
  onTestFinished(() => outbox.close());
  return outbox;
}

/** What was delivered, in order: the key, by which process, and when. */
async function delivered(): Promise<readonly (readonly [key: string, pid: number, atMs: number])[]> {
  return (await redis.admin.lrange('delivered', 0, -1)).map((line) => JSON.parse(line) as [string, number, number]);
}

async function drained(outbox: ReturnType<typeof handle>): Promise<void> {
  const isEmpty = async (): Promise<boolean> => {
    for (const { key } of await outbox.dead(100)) await outbox.revive(key);
    const { waiting, taken } = await outbox.count();
    return waiting + taken === 0;
  };
  await eventually(isEmpty, { what: 'an empty outbox', limitMs: 60_000 });
}

const keys = (count: number, name: string): string[] => Array.from({ length: count }, (_, index) => `${name}-${index}`);

/** Steps after which what was in hand may have been delivered already, and is delivered again: nobody can know. */
const mayRepeat: ReadonlySet<CrashStep> = new Set(['take sent', 'delivered', 'settle sent']);

describe('redisOutbox, with processes that are killed', () => {
  it.each(crashSteps)(
    'loses nothing that was accepted: %s',
    async (step) => {
      const { fleet } = await start(2);
      const doomed = await start(1, { crashAt: step });
      const dying = doomed.fleet.member(0);
      const others = await fleet.member(0).ask('defer', keys(20, 'others'));
      const asked = dying.ask('defer', keys(10, 'doomed')).catch(() => []);
      if (!step.includes('add')) {
        await asked;
        await dying.ask('drain').catch(() => {});
      }
      await dying.ended;
      await fleet.askAll('drain');
      const outbox = handle();
      await drained(outbox);
      const keysOf = (await delivered()).map(([key]) => key);

      expect(others).toEqual(others.map(() => 'kept'));
      expect([...keys(20, 'others'), ...doomed.accepted].filter((key) => !keysOf.includes(key))).toEqual([]);
      const repeats = keysOf.length - new Set(keysOf).size;
      expect(repeats).toBeLessThanOrEqual(mayRepeat.has(step) ? 1 : 0);
      expect(await outbox.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
    },
    90_000,
  );

  it('delivers all of 200 in order of acceptance, though five of eight processes are killed on the way', async () => {
    const { fleet } = await start(8);
    await fleet.member(0).ask('defer', keys(200, 'item'));
    await fleet.askAll('drain');
    for (const index of [1, 2, 3, 4, 5]) {
      await eventually(async () => (await delivered()).length > index * 25, { what: 'deliveries', limitMs: 30_000 });
      await fleet.member(index).kill();
    }
    await drained(handle());
    const keysOf = (await delivered()).map(([key]) => key);

    expect(new Set(keysOf).size).toBe(200);
    expect(keysOf.length).toBeLessThanOrEqual(205); // each of the five may have died between its delivery and the word of it
  }, 120_000);

  it('keeps the bound by 8 processes together, and every key once', async () => {
    const { fleet, accepted } = await start(8, { maxItems: 100 });
    const answers = await Promise.all(
      fleet.members.map((member, index) => member.ask('defer', [...keys(50, `of-${index}`), ...keys(5, 'of-all')])),
    );
    const counts = new Map<string, number>();
    for (const answer of answers.flat()) counts.set(answer, (counts.get(answer) ?? 0) + 1);

    expect(await handle().count()).toEqual({ waiting: 100, taken: 0, dead: 0 });
    expect(counts.get('kept')).toBe(100);
    expect(counts.get('OUTBOX_FULL')).toBe(440 - 100 - (counts.get('known') ?? 0));
    expect(accepted.size).toBe(100);
  }, 60_000);

  it('keeps one rate for 8 processes together', async () => {
    const { fleet } = await start(8, { maxPerSecond: 20 });
    await fleet.member(0).ask('defer', keys(40, 'item'));
    await fleet.askAll('drain');
    await drained(handle());
    const all = await delivered();
    const tookMs = (all.at(-1)?.[2] ?? 0) - (all[0]?.[2] ?? 0);

    expect(all).toHaveLength(40);
    expect(tookMs).toBeGreaterThan(39 * 50 * 0.5); // 39 gaps of 50 ms, told by processes that may be late; each for itself would take an eighth
    expect(new Set(all.map(([, pid]) => pid)).size).toBeGreaterThan(1);
  }, 60_000);
});
