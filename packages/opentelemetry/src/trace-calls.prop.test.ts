import {
  Context,
  type Policy,
  type Registry,
  bulkhead,
  circuitBreaker,
  coalesce,
  createRegistry,
  fallback,
  hedge,
  keyed,
  noop,
  pipeline,
  rateLimiter,
  retry,
  timeout,
} from '@holdfast/core';
import { type VirtualClock, settle, virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { endTelemetry, startTelemetry } from './testing/telemetry-lab.ts';
import { traceCalls } from './trace-calls.ts';

afterEach(endTelemetry);

/** A policy of somebody else's, which knows no layers. */
const foreign: Policy = { execute: (operation, context) => Promise.resolve(operation(context ?? Context.background)) };

/** A policy that gives up on what it runs, and lets it go on. */
const impatient: Policy = {
  execute: (operation, context = Context.background) =>
    Promise.race([Promise.resolve(operation(context)), settle().then(() => Promise.reject(new Error('impatient')))]),
};

type Ports = Pick<Registry, 'clock' | 'events'> & { readonly random: () => number };

const makers: Readonly<Record<string, (ports: Ports) => Policy<unknown>>> = {
  retry: (ports) => retry({ ...ports, maxAttempts: 3, baseDelayMs: 20 }),
  hedge: (ports) => hedge({ ...ports, delayMs: 15, maxHedgeRatio: 1, hedgeOnFailure: true, maxAttempts: 3 }),
  bulkhead: (ports) => bulkhead({ ...ports, maxConcurrent: 1, maxQueued: 2, maxWaitMs: 40 }),
  'rate-limiter': (ports) => rateLimiter({ ...ports, maxPerInterval: 1, intervalMs: 10, maxQueued: 3 }),
  'circuit-breaker': (ports) => circuitBreaker({ ...ports, minimumCalls: 2, openForMs: 30 }),
  timeout: (ports) => timeout({ ...ports, timeoutMs: 25 }),
  fallback: (ports) => fallback({ ...ports, value: 'instead' }),
  coalesce: (ports) => coalesce({ ...ports, keyOf: () => 'one' }),
  noop: () => noop(),
  foreign: () => foreign,
  impatient: () => impatient,
  keyed: (ports) =>
    keyed({
      ...ports,
      keyOf: () => 'one',
      make: (_key, name) =>
        pipeline(
          retry({ ...ports, name, maxAttempts: 2, baseDelayMs: 5 }),
          bulkhead({ ...ports, name, maxConcurrent: 1, maxQueued: 1 }),
        ),
    }),
  pipeline: (ports) =>
    pipeline(retry({ ...ports, maxAttempts: 2, baseDelayMs: 5 }), timeout({ ...ports, timeoutMs: 12 })),
};

const calls = fc.array(
  fc.record({
    startsAfterMs: fc.integer({ min: 0, max: 30 }),
    takesMs: fc.constantFrom(0, 5, 12, 25, 60, Infinity),
    ends: fc.constantFrom('value', 'error', 'throw'),
    cancelledAfterMs: fc.constantFrom(0, 10, 30, Infinity),
    deadlineMs: fc.constantFrom(20, 50, Infinity),
  }),
  { minLength: 1, maxLength: 5 },
);

type Call = (typeof calls extends fc.Arbitrary<(infer C)[]> ? C : never) & object;

function operationOf(clock: VirtualClock, { takesMs, ends }: Call) {
  return (): Promise<string> => {
    if (ends === 'throw') throw new Error('thrown');
    return new Promise((resolve, reject) => {
      if (takesMs === Infinity) return;
      clock.setTimer(() => (ends === 'value' ? resolve('value') : reject(new Error('down'))), takesMs);
    });
  };
}

async function play(policies: readonly string[], script: readonly Call[], isTraced: boolean): Promise<string[]> {
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: () => 0.5 });
  const ports = { clock, events: registry.events, random: () => 0.5 };
  const whole = registry.pipeline('whole', ...policies.map((kind) => (makers[kind] as (of: Ports) => Policy)(ports)));
  const tracing = isTraced ? traceCalls({ registry }) : undefined;
  const outcomes: string[] = [];
  for (const [at, call] of script.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await clock.advance(call.startsAfterMs);
    const base = Context.withClock(clock);
    const context = (call.deadlineMs === Infinity ? base : base.withTimeout(call.deadlineMs)).withCancel();
    if (call.cancelledAfterMs === 0) context.cancel();
    else if (call.cancelledAfterMs < Infinity) clock.setTimer(() => context.cancel(), call.cancelledAfterMs);
    void whole.execute(operationOf(clock, call), context).then(
      (value) => outcomes.push(`${at} ${value} at ${clock.now()}`),
      (error: unknown) => outcomes.push(`${at} ${String(error)} at ${clock.now()}`),
    );
  }
  await clock.advance(1000);
  tracing?.close();
  return [...outcomes, JSON.stringify(whole.calls)];
}

describe('spans of any pipeline and any schedule', () => {
  it('trace calls (2), trace calls (3), open span (1), span layers (1): are ended, once each, when their calls have ended; the calls are those of the pipeline without them', async () => {
    const trees = fc.array(fc.constantFrom(...Object.keys(makers)), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(trees, calls, async (policies, script) => {
        const plain = await play(policies, script, false);
        const lab = startTelemetry();
        try {
          const traced = await play(policies, script, true);

          const hasHungCall = traced.length - 1 < script.length;
          const spans = lab.spans();
          const ids = spans.map((span) => span.spanContext().spanId);
          expect(traced).toEqual(plain);
          expect(new Set(ids).size).toBe(ids.length);
          if (!hasHungCall) expect(ids).toHaveLength(lab.startedCount);
          const ended = spans.filter(({ name }) => name === 'call whole');
          const refusedCount = script.filter(({ cancelledAfterMs }) => cancelledAfterMs === 0).length; // before they began
          expect(ended).toHaveLength(traced.length - 1 - refusedCount);
        } finally {
          endTelemetry();
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});
