/**
 * The arithmetic of worst cases, against what random pipelines of built-in policies do on virtual time, over operations that
 * always fail, or never end.
 *
 * @module
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

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
import { noop } from '../policies/noop/noop.ts';
import { rateLimiter } from '../policies/rate-limiter/rate-limiter.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { describe as describePolicy } from './describe.ts';

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
    .record({ maxConcurrent: fc.integer({ min: 1, max: 8 }), maxQueued: fc.constantFrom(0, 5) })
    .map((options) => (ports: PolicyPorts) => bulkhead({ ...options, ...ports })),
  fc
    .record({ maxPerInterval: fc.integer({ min: 1, max: 3 }), maxQueued: fc.constantFrom(0, 3), enforcement })
    .map((options) => (ports: PolicyPorts) => rateLimiter({ ...options, intervalMs: 90, ...ports })),
  fc.record({ latencyMs: fc.integer({ min: 0, max: 50 }), enforcement }).map(
    ({ latencyMs, enforcement: mode }) =>
      (ports: PolicyPorts) =>
        chaos({ injections: [{ kind: 'latency', latencyMs, callRatio: 1 }], enforcement: mode, ...ports }),
  ),
  fc.record({ enforcement }).map((options) => (ports: PolicyPorts) => fallback({ value: 0, ...options, ...ports })),
  fc.constant((ports: PolicyPorts) => circuitBreaker({ minimumCalls: 2, ...ports })),
  fc.constant((ports: PolicyPorts) => coalesce({ keyOf: () => 'a', ...ports })),
  fc.constant((ports: PolicyPorts) => cache({ keyOf: () => 'a', ...ports })),
  fc.constant(() => noop()),
);
const arbitraryPipeline = fc.array(arbitraryMake, { maxLength: 5 });
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

describe('worst case', () => {
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
