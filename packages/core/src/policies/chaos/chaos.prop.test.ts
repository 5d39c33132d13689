import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { type Standing, after, observe, settled } from '../../testing/operation-table.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type Chaos, type ChaosChanges, ChaosError, type ChaosInjection, type ChaosOptions, chaos } from './chaos.ts';

const injected = { injected: 'value' };
const callRatio = fc.constantFrom(0, 0.2, 0.7, 1);
const injection: fc.Arbitrary<ChaosInjection> = fc.oneof(
  callRatio.map((ratio) => ({ kind: 'fault' as const, callRatio: ratio })),
  callRatio.map((ratio) => ({ kind: 'outcome' as const, callRatio: ratio, value: injected })),
  fc.record({
    kind: fc.constant('latency' as const),
    callRatio,
    latencyMs: fc.oneof(
      fc.nat(40),
      fc.constant([10, 30] as const),
      fc.constant(() => 25),
    ),
  }),
  callRatio.map((ratio) => ({
    kind: 'behaviour' as const,
    callRatio: ratio,
    run: (context: Context) => (context.deadline === Infinity ? undefined : Promise.reject(new Error('broken'))),
  })),
);
const injections = fc.array(injection, { minLength: 1, maxLength: 4 });
const seed = fc.integer();

/** A call: when it comes after the one before, how long its operation takes, when its context ends. */
interface Call {
  readonly afterMs: number;
  readonly takesMs: number;
  readonly deadlineMs: number;
  readonly change: ChaosChanges<unknown> | undefined;
}

const change: fc.Arbitrary<ChaosChanges<unknown> | undefined> = fc.option(
  fc.oneof(
    fc.record({ enforcement: fc.constantFrom('enforce' as const, 'observe' as const, 'off' as const) }),
    fc.record({ maxInjections: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ forMs: fc.constantFrom(20, 60, Infinity) }),
    fc.record({ injections }),
  ),
  { nil: undefined, freq: 3 },
);
const callsWith = (changes: typeof change): fc.Arbitrary<Call[]> =>
  fc.array(
    fc.record({
      afterMs: fc.nat(20),
      takesMs: fc.nat(30),
      deadlineMs: fc.constantFrom(5, 15, 40, Infinity),
      change: changes,
    }),
    { maxLength: 15 },
  );

/** What came of one call. */
interface Told {
  readonly index: number;
  readonly settledAt: number;
  readonly standing: Standing;
  readonly runs: number;
}

/** Plays `history` through a chaos policy on virtual time, and tells what came of each call. */
async function play(history: readonly Call[], options: Omit<ChaosOptions<unknown>, 'clock' | 'random'>, from: number) {
  const clock = virtualClock();
  const policy = chaos<unknown>({ ...options, clock, random: seededRandom(from) });
  const told: Told[] = [];
  for (const [index, { afterMs, takesMs, deadlineMs, change: changes }] of history.entries()) {
    await clock.advance(afterMs);
    if (changes !== undefined) policy.update(changes);
    let runs = 0;
    const operation = (): unknown => {
      runs++;
      return takesMs === 0 ? index : after(clock, takesMs, index);
    };
    const context = Context.withClock(clock).withTimeout(deadlineMs);
    void settled(policy.execute(operation, context)).then((standing) =>
      told.push({ index, settledAt: clock.now(), standing, runs }),
    );
  }
  await clock.runAll();
  return { clock, policy, told };
}

const faulted = ({ standing }: Told): boolean => standing.status === 'rejected' && standing.error instanceof ChaosError;
const answered = ({ standing }: Told): boolean => standing.status === 'fulfilled' && standing.value === injected;

/** Behaviours fail under a deadline, and are reported. */
beforeEach(() => void onHookError(() => {}));
afterEach(() => void onHookError(undefined));

describe('chaos, whatever is injected', () => {
  it('(3), (5), chaos-call (1), (2), (3), (4): settles each call once, and accounts for all of them', async () => {
    const property = fc.asyncProperty(injections, seed, callsWith(change), async (given, from, history) => {
      const { policy, told, clock } = await play(history, { injections: given, enforcement: 'enforce' }, from);

      expect(told.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual(history.map((_call, index) => index));
      const counted = policy.snapshot();
      expect(counted.injected.fault).toBe(told.filter(faulted).length);
      expect(counted.injected.outcome).toBe(told.filter(answered).length);
      for (const { index, standing, runs, ...rest } of told) {
        if (faulted({ index, standing, runs, ...rest }) || answered({ index, standing, runs, ...rest }))
          expect(runs).toBe(0);
        else if (standing.status === 'fulfilled') expect([runs, standing.value]).toEqual([1, index]);
        else
          expect([runs <= 1, (standing as { error: unknown }).error]).toMatchObject([
            true,
            { code: 'DEADLINE_EXCEEDED' },
          ]);
      }
      expect([counted.delayed, clock.pendingCount]).toEqual([0, 0]);
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it('chaos-call (2): no call outlives its deadline by a tick, and none starts its operation afterwards', async () => {
    const property = fc.asyncProperty(
      injections,
      seed,
      callsWith(fc.constant(undefined)),
      async (given, from, history) => {
        const { told } = await play(history, { injections: given, enforcement: 'enforce' }, from);
        let cameAt = 0;
        const latest = history.map(({ afterMs, deadlineMs }) => (cameAt += afterMs) + deadlineMs);

        for (const { index, settledAt } of told) expect(settledAt).toBeLessThanOrEqual(latest[index] as number);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('comes to the same twice, given the same seed', async () => {
    const property = fc.asyncProperty(injections, seed, callsWith(change), async (given, from, history) => {
      const [once, again] = [
        await play(history, { injections: given, enforcement: 'enforce' }, from),
        await play(history, { injections: given, enforcement: 'enforce' }, from),
      ];
      expect(again.told).toEqual(once.told);
      expect(again.policy.snapshot()).toEqual(once.policy.snapshot());
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it('(1) off, changes neither what comes of calls nor when', async () => {
    const property = fc.asyncProperty(
      injections,
      seed,
      callsWith(fc.constant(undefined)),
      async (given, from, history) => {
        const off = await play(history, { injections: given }, from);
        const quiet = await play(
          history,
          { injections: [{ kind: 'fault', callRatio: 0 }], enforcement: 'enforce' },
          from,
        );

        expect(off.told).toEqual(quiet.told);
        expect(off.policy.snapshot()).toMatchObject({ calls: 0, runInjections: 0 });
      },
    );
    await fc.assert(property, { numRuns: 200 });
  });

  it('experiment (1), (3): never makes more than maxInjections in a run, and none after forMs', async () => {
    const limits = fc.record({
      maxInjections: fc.integer({ min: 1, max: 8 }),
      forMs: fc.constantFrom(30, 90, Infinity),
    });
    const property = fc.asyncProperty(
      fc.record({ injections, limits, from: seed }),
      callsWith(fc.constant(undefined)),
      async ({ injections: given, limits: { maxInjections, forMs }, from }, history) => {
        const events = createEvents();
        const clock = virtualClock();
        let made = 0;
        events.listen(({ type }) => {
          if (type !== 'chaos.injected') return;
          made++;
          expect(clock.now()).toBeLessThan(forMs);
        });
        const options = { injections: given, maxInjections, forMs, enforcement: 'enforce' as const };
        const policy: Chaos<unknown> = chaos<unknown>({ ...options, clock, events, random: seededRandom(from) });
        for (const { afterMs, deadlineMs } of history) {
          await clock.advance(afterMs);
          observe(policy.execute(() => 'value', Context.withClock(clock).withTimeout(deadlineMs)));
        }
        await clock.runAll();

        expect(made).toBeLessThanOrEqual(maxInjections);
        expect(policy.snapshot().runInjections).toBe(made);
        if (made < maxInjections && forMs === Infinity) expect(policy.snapshot().isRunning).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it('experiment (2), (4): injects nothing more once stopWhen has said so, or thrown', async () => {
    const property = fc.asyncProperty(injections, fc.nat(5), fc.boolean(), seed, async (given, limit, throws, from) => {
      const stopWhen = ({ runInjections }: { readonly runInjections: number }): boolean => {
        if (runInjections < limit) return false;
        if (throws) JSON.parse('{');
        return true;
      };
      const clock = virtualClock();
      const options = { injections: given, stopWhen, enforcement: 'enforce' as const, clock };
      const policy = chaos<unknown>({ ...options, random: seededRandom(from) });
      for (let index = 0; index < 20; index++) observe(policy.execute(() => index));
      await clock.runAll();

      expect(policy.snapshot().runInjections).toBeLessThanOrEqual(limit);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

describe('the share of calls that are hit', () => {
  it('(2) is callRatio, and 0 and 1 are exact', async () => {
    const ratios = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0.01, max: 0.99, noNaN: true }));
    const property = fc.asyncProperty(ratios, seed, async (ratio, from) => {
      const count = 2000;
      const policy = chaos({
        injections: [{ kind: 'outcome', callRatio: ratio, value: 'injected' }],
        enforcement: 'enforce',
        random: seededRandom(from),
      });
      for (let index = 0; index < count; index++) void policy.execute(() => 'own');
      await settle();

      const hits = policy.snapshot().injected.outcome;
      const deviation = Math.sqrt(count * ratio * (1 - ratio));
      expect(Math.abs(hits - count * ratio)).toBeLessThanOrEqual(6 * deviation);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  it('(4) is counted the same when it is only observed', async () => {
    const property = fc.asyncProperty(injections, seed, fc.nat(30), async (given, from, count) => {
      const counts = await Promise.all(
        (['enforce', 'observe'] as const).map(async (enforcement) => {
          const clock = virtualClock();
          const policy = chaos<unknown>({ injections: given, enforcement, clock, random: seededRandom(from) });
          for (let index = 0; index < count; index++) {
            observe(policy.execute(() => index));
            await clock.runAll(); // one after the other: calls that overlap draw in another order
          }
          const { injected: made, observed } = policy.snapshot();
          return { made, observed };
        }),
      );
      const none = { fault: 0, latency: 0, outcome: 0, behaviour: 0 };
      expect(counts[1]).toEqual({ made: none, observed: counts[0]?.made });
    });
    await fc.assert(property, { numRuns: 100 });
  });
});
