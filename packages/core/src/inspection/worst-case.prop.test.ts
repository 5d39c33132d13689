/**
 * The arithmetic of worst cases, against what random pipelines of built-in policies do on virtual time, over operations that
 * always fail, or never end: for one call, and for several that come at once or one after the other, and find what those
 * before them have left.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../kernel/context.ts';
import { pipeline } from '../kernel/pipeline.ts';
import type { Policy } from '../kernel/policy.ts';
import type { PolicyPorts } from '../kernel/ports.ts';
import { bulkhead } from '../policies/bulkhead/bulkhead.ts';
import { cache } from '../policies/cache/cache.ts';
import { chaos } from '../policies/chaos/chaos.ts';
import { circuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { coalesce } from '../policies/coalesce/coalesce.ts';
import { fallback } from '../policies/fallback/fallback.ts';
import { hedge } from '../policies/hedge/hedge.ts';
import { keyed } from '../policies/keyed/keyed.ts';
import { noop } from '../policies/noop/noop.ts';
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { describe as describePolicy } from './describe.ts';

const callNumber = contextKey<string>('the number of the call');

type Make = (ports: PolicyPorts) => Policy<unknown>;

const enforcement = fc.constantFrom('enforce' as const, 'enforce' as const, 'enforce' as const, 'observe' as const);
const arbitraryMake: fc.Arbitrary<Make> = fc.oneof(
  fc
    .record({ timeoutMs: fc.integer({ min: 1, max: 1000 }), enforcement })
    .map((options) => (ports: PolicyPorts) => timeout({ ...options, ...ports })),
  fc
    .record({
      maxAttempts: fc.integer({ min: 1, max: 4 }),
      maxDelayMs: fc.integer({ min: 0, max: 200 }),
      maxRetryRatio: fc.constantFrom(Infinity, 0),
      whenNested: fc.constantFrom('retry' as const, 'try-once' as const),
      backoff: fc.constantFrom('fixed' as const, 'full-jitter' as const),
      enforcement,
    })
    .map((options) => (ports: PolicyPorts) => retry({ ...options, baseDelayMs: options.maxDelayMs, ...ports })),
  fc
    .record({
      maxAttempts: fc.integer({ min: 2, max: 4 }),
      delayMs: fc.integer({ min: 0, max: 100 }),
      maxHedgeRatio: fc.constantFrom(1, 0),
      hedgeOnFailure: fc.boolean(),
      enforcement,
    })
    .map((options) => (ports: PolicyPorts) => hedge({ ...options, ...ports })),
  fc
    .record({
      maxConcurrent: fc.integer({ min: 1, max: 8 }),
      maxQueued: fc.constantFrom(0, 5),
      maxWaitMs: fc.constantFrom(Infinity, 50),
    })
    .map((options) => (ports: PolicyPorts) => bulkhead({ ...options, ...ports })),
  fc
    .record({
      maxPerInterval: fc.integer({ min: 1, max: 3 }),
      maxQueued: fc.constantFrom(0, 3),
      initialBacklogMs: fc.constantFrom(0, Infinity),
      enforcement,
    })
    .map((options) => (ports: PolicyPorts) => rateLimiter({ ...options, intervalMs: 90, ...ports })),
  fc.record({ latencyMs: fc.integer({ min: 0, max: 50 }), enforcement }).map(
    ({ latencyMs, enforcement: mode }) =>
      (ports: PolicyPorts) =>
        chaos({ injections: [{ kind: 'latency', latencyMs, callRatio: 1 }], enforcement: mode, ...ports }),
  ),
  fc.record({ enforcement }).map((options) => (ports: PolicyPorts) => fallback({ value: 0, ...options, ...ports })),
  fc.constant((ports: PolicyPorts) => circuitBreaker({ minimumCalls: 2, ...ports })),
  fc.constant((ports: PolicyPorts) => coalesce({ keyOf: () => 'a', ...ports })),
  fc
    .record({ ttlMs: fc.constantFrom(50, 60_000), staleWhileRevalidateMs: fc.constantFrom(0, 1000) })
    .map((options) => (ports: PolicyPorts) => cache({ keyOf: () => 'a', ...options, ...ports })),
  fc.constant(() => noop()),
);
/** Each key has one of two policies, as the calls before have made them or not. */
const arbitraryKeyed: fc.Arbitrary<Make> = fc.tuple(arbitraryMake, arbitraryMake).map(
  ([one, other]) =>
    (ports: PolicyPorts) =>
      keyed({
        keyOf: (context) => context.value(callNumber) ?? 'none',
        make: (key) => makeMember(key, { one, other }, ports),
        ...ports,
      }),
);
const arbitraryPipeline = fc.array(arbitraryMake, { maxLength: 5 });
const arbitraryWithKeyed = fc.oneof({ weight: 3, arbitrary: arbitraryMake }, { weight: 1, arbitrary: arbitraryKeyed });
/** Most have a limit inside, for what nothing limits has no worst case to be exceeded. */
const arbitraryKeyedPipeline = fc
  .tuple(fc.array(arbitraryWithKeyed, { maxLength: 4 }), fc.constantFrom(limit(70), limit(300), undefined))
  .map(([makes, innermost]) => (innermost === undefined ? makes : [...makes, innermost]));
const arbitraryCrowd = fc.record({
  startsWell: fc.boolean(),
  arrivals: fc.array(fc.constantFrom(0, 0, 1, 30, 90, 400), { minLength: 1, maxLength: 12 }),
});
const arbitraryOperation = fc.constantFrom('fails', 'hangs', 'hangs, then fails');

/** Runs one call to its end, or for a day. */
async function play(makes: readonly Make[], behaviour: string) {
  const clock = virtualClock();
  const policy = pipeline(...makes.map((make) => make({ clock, random: () => 0.999 })));
  const worstCase = describePolicy(policy).worstCase;
  let runs = 0;
  let settledAt: number | undefined;
  const operation = (): Promise<never> => {
    runs++;
    if (behaviour === 'fails') return Promise.reject(new Error('down'));
    return new Promise((_resolve, reject) => {
      if (behaviour !== 'hangs') clock.setTimer(() => reject(new Error('late')), runs * 37);
    });
  };
  const settle = (): void => void (settledAt = clock.now());
  policy.execute(operation).then(settle, settle);
  await clock.advance(86_400_000);
  return { worstCase, runs, settledAt };
}

function makeMember(
  key: string,
  { one, other }: { readonly one: Make; readonly other: Make },
  ports: PolicyPorts,
): Policy<unknown> {
  return pipeline({ name: key }, (key === 'odd' ? other : one)(ports));
}

interface Crowd {
  /** Whether the first call succeeds. */
  readonly startsWell: boolean;
  /** Milliseconds between calls. */
  readonly arrivals: readonly number[];
}

/** Runs several calls, and returns of each its runs and its time. */
async function playMany(makes: readonly Make[], behaviour: string, { startsWell, arrivals }: Crowd) {
  const clock = virtualClock();
  const policy = pipeline(...makes.map((make) => make({ clock, random: () => 0.999 })));
  const calls: { runs: number; tookMs: number | undefined }[] = [];
  for (const [index, gapMs] of arrivals.entries()) {
    await clock.advance(gapMs);
    const call: (typeof calls)[number] = { runs: 0, tookMs: undefined };
    const startedAt = clock.now();
    const operation = (): Promise<number> => {
      call.runs++;
      if (index === 0 && startsWell) return Promise.resolve(7);
      if (behaviour === 'fails') return Promise.reject(new Error('down'));
      return new Promise((_resolve, reject) => {
        if (behaviour !== 'hangs') clock.setTimer(() => reject(new Error('late')), (1 + index) * 37);
      });
    };
    const settle = (): void => void (call.tookMs = clock.now() - startedAt);
    const context = Context.withClock(clock).withValue(callNumber, index % 2 === 0 ? 'even' : 'odd');
    policy.execute(operation, context).then(settle, settle);
    calls.push(call);
  }
  await clock.advance(86_400_000);
  return { worstCase: describePolicy(policy).worstCase, calls };
}

describe('worst case', () => {
  it('(1), (3) is not exceeded by calls among others, nor after others', async () => {
    const seen = { bounded: 0 };
    await fc.assert(
      fc.asyncProperty(arbitraryKeyedPipeline, arbitraryOperation, arbitraryCrowd, async (makes, behaviour, crowd) => {
        const { worstCase, calls } = await playMany(makes, behaviour, crowd);
        if (worstCase.maxTimeMs < Infinity) seen.bounded++;

        for (const { runs, tookMs } of calls) {
          expect(runs).toBeLessThanOrEqual(worstCase.maxRuns);
          if (worstCase.maxTimeMs < Infinity) expect(tookMs).toBeLessThanOrEqual(worstCase.maxTimeMs);
        }
      }),
      { numRuns: 1000 },
    );
    expect(seen.bounded).toBeGreaterThan(100);
  }, 60_000);

  it('(1) says so where somebody may have taken from a limiter by hand', async () => {
    const clock = virtualClock();
    const limiter = rateLimiter({ clock, maxPerInterval: 10, intervalMs: 1000, maxQueued: 1 });
    const policy = pipeline(limiter, timeout({ clock, timeoutMs: 50 }));
    limiter.tryAcquire(100);
    const startedAt = clock.now();
    let tookMs = -1;
    void policy.execute(() => 1).then(() => void (tookMs = clock.now() - startedAt));
    await clock.advance(60_000);

    const { maxTimeMs, assumes } = describePolicy(policy).worstCase;
    expect(tookMs).toBeGreaterThan(maxTimeMs);
    expect(assumes).toEqual(['rate-limiter: nobody takes from it by hand, and it never had another rate']);
  });

  it('(1) counts the tries of a run in the background, which is in no try of the call', async () => {
    const clock = virtualClock();
    const policy = pipeline(
      retry({ clock, maxAttempts: 2 }),
      cache({ clock, keyOf: () => 'a', ttlMs: 50, staleWhileRevalidateMs: 1000 }),
      retry({ clock, maxAttempts: 5, maxRetryRatio: Infinity, baseDelayMs: 0 }),
    );
    await policy.execute(() => 7);
    await clock.advance(100);
    let runs = 0;
    await policy.execute(() => {
      runs++;
      throw new Error('down');
    });
    await clock.advance(10_000);

    expect(runs).toBe(5);
    expect(runs).toBeLessThanOrEqual(describePolicy(policy).worstCase.maxRuns);
  });

  it('(1) says so where another pipeline may have started what a call waits for', async () => {
    const clock = virtualClock();
    const shared = cache({ clock, keyOf: () => 'a' });
    const [short, long] = [100, 10_000].map((timeoutMs) => pipeline(shared, timeout({ clock, timeoutMs })));
    void long?.execute(() => new Promise(() => {})).catch(() => {});
    let settledAt = -1;
    void short?.execute(() => 1).catch(() => void (settledAt = clock.now()));
    await clock.advance(20_000);

    expect(settledAt).toBe(10_000);
    expect(describePolicy(short as Policy).worstCase.assumes).toEqual(['cache: it stands in no other pipeline']);
  });

  it('(1), (3) is never exceeded', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryPipeline, arbitraryOperation, async (makes, behaviour) => {
        const { worstCase, runs, settledAt } = await play(makes, behaviour);

        expect(runs).toBeLessThanOrEqual(worstCase.maxRuns);
        if (worstCase.maxTimeMs < Infinity) expect(settledAt).toBeLessThanOrEqual(worstCase.maxTimeMs);
      }),
      { numRuns: 1500 },
    );
  });

  it.each([
    { what: 'retry around timeout', makes: [tries(3), limit(300)], maxRuns: 3, maxTimeMs: 1100 },
    { what: 'two retries', makes: [tries(2), tries(3), limit(10)], maxRuns: 6, maxTimeMs: 560 },
    { what: 'two limits around a retry', makes: [limit(500), tries(2), limit(300)], maxRuns: 2, maxTimeMs: 500 },
    { what: 'hedge around timeout', makes: [hedged(3, 50), limit(300)], maxRuns: 3, maxTimeMs: 400 },
    { what: 'retry around hedge', makes: [tries(2), hedged(2, 50), limit(300)], maxRuns: 4, maxTimeMs: 800 },
  ])('(1) is reached by $what', async ({ makes, maxRuns, maxTimeMs }) => {
    const { runs, settledAt, worstCase } = await play(makes, 'hangs');

    expect([runs, settledAt]).toEqual([maxRuns, maxTimeMs]);
    expect(worstCase).toMatchObject({ maxRuns, maxTimeMs });
  });

  it('(2) has no bound for an operation that hangs', async () => {
    const { worstCase, settledAt } = await play([tries(2)], 'hangs');

    expect(worstCase.maxTimeMs).toBe(Infinity);
    expect(settledAt).toBeUndefined();
  });
});

function tries(maxAttempts: number): Make {
  const delays = { baseDelayMs: 100, maxDelayMs: 100, backoff: 'fixed', maxRetryRatio: Infinity } as const;
  return (ports) => retry({ maxAttempts, ...delays, whenNested: 'retry', ...ports });
}

function limit(timeoutMs: number): Make {
  return (ports) => timeout({ timeoutMs, ...ports });
}

function hedged(maxAttempts: number, delayMs: number): Make {
  return (ports) => hedge({ maxAttempts, delayMs, maxHedgeRatio: 1, ...ports });
}
