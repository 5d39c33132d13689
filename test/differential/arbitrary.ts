/**
 * Arbitrary: random cases, in three families.
 *
 * * `queues`: bulkheads may have queues, and a run ends either before the operation returns or after some time. A call that
 *   gets a permit starts while the call that gave it up is on its way out, so both would be under way at one instant; what
 *   takes no time but a few turns of the microtask queue has no defined order there, and is left to the other families.
 *   Where there is a timeout, one bulkhead only has a queue: two of them may let two calls start at one instant, whose
 *   deadlines would then pass at one instant.
 * * `plain`: no queues; operations may also settle in microtasks, and a policy may be in a pipeline twice.
 * * `foreign`: no queues; with policies that have nothing but `execute`. One that hedges leaves work behind when it settles;
 *   so that this work is in a context of ours, it is not combined with one that derives contexts.
 *
 * @module
 */

import fc from 'fast-check';

import type {
  Acceptance,
  BreakerSpec,
  BulkheadSpec,
  CallSpec,
  CallerSpec,
  Case,
  FallbackSpec,
  ForeignSpec,
  LayerSpec,
  RetrySpec,
  RunSpec,
  TimeoutSpec,
} from './case.ts';

type Family = Case['family'];

/** Returns random cases of all families. */
export function randomCases(): fc.Arbitrary<Case> {
  return fc.oneof(
    { weight: 4, arbitrary: casesOf('queues') },
    { weight: 3, arbitrary: casesOf('plain') },
    { weight: 3, arbitrary: casesOf('foreign') },
  );
}

// --- internal ---

function casesOf(family: Family): fc.Arbitrary<Case> {
  const call = callsOf(family);
  return fc.record({
    family: fc.constant(family),
    layers: fc
      .array(layersOf(family), { maxLength: 6, size: 'max' })
      .map((layers) => withoutTwins(withoutOrphans(layers))),
    calls: fc.oneof(
      { weight: 6, arbitrary: fc.array(call, { minLength: 1, maxLength: 7, size: 'max' }) },
      { weight: 1, arbitrary: fc.array(call, { minLength: 8, maxLength: 24, size: 'max' }) },
    ),
    visits: fc.array(
      fc.record({
        atMs: fc.integer({ min: 0, max: 300 }),
        does: often(fc.constant('read' as const), fc.constant('reset' as const), 5),
        which: fc.nat(3),
      }),
      { maxLength: 4, size: 'max' },
    ),
    hasTurns: fc.boolean(),
    listeners: pick<Case['listeners']>('one', 'one', 'one', 'one', 'none', 'throwing'),
    seed: fc.nat(0xffff),
  });
}

function layersOf(family: Family): fc.Arbitrary<LayerSpec> {
  const own: fc.Arbitrary<LayerSpec>[] = [
    fallbacksOf(family),
    retries,
    breakers,
    breakers,
    bulkheadsOf(family),
    timeouts,
  ];
  if (family === 'foreign') own.push(foreigns, foreigns);
  const same = fc.record({ kind: fc.constant('same' as const), as: fc.nat(5) });
  const inner = fc.oneof(...own);
  const nested = fc.record({
    kind: fc.constant('pipeline' as const),
    layers: fc.array(inner, { maxLength: 3, size: 'max' }),
  });
  const choices: fc.WeightedArbitrary<LayerSpec>[] = [
    { weight: 20, arbitrary: inner },
    { weight: 2, arbitrary: nested },
  ];
  if (family === 'plain') choices.push({ weight: 2, arbitrary: same });
  return fc.oneof(...choices);
}

/** Leaves the first queue only, where there is a timeout. */
function withoutTwins(layers: readonly LayerSpec[]): readonly LayerSpec[] {
  if (!JSON.stringify(layers).includes('timeoutMs')) return layers;
  let queueCount = 0;
  const oneQueue = (layer: LayerSpec): LayerSpec => {
    if (layer.kind === 'pipeline') return { ...layer, layers: layer.layers.map(oneQueue) };
    if (layer.kind !== 'bulkhead' || layer.maxQueued === 0 || ++queueCount === 1) return layer;
    return { ...layer, maxQueued: 0 };
  };
  return layers.map(oneQueue);
}

/** Leaves contexts alone where something hedges. */
function withoutOrphans(layers: readonly LayerSpec[]): readonly LayerSpec[] {
  return hedges(layers) ? layers.map(deriveNothing) : layers;
}

/** Whether one of the layers, or of those inside them, runs what is inside twice at once. */
export function hedges(layers: readonly LayerSpec[]): boolean {
  return layers.some((layer) =>
    layer.kind === 'pipeline' ? hedges(layer.layers) : layer.kind === 'foreign' && layer.does === 'hedges',
  );
}

function deriveNothing(layer: LayerSpec): LayerSpec {
  if (layer.kind === 'pipeline') return { ...layer, layers: layer.layers.map(deriveNothing) };
  return layer.kind === 'foreign' && layer.does === 'derives' ? { ...layer, does: 'awaits' } : layer;
}

const acceptances = pick<Acceptance>('default', 'default', 'default', 'default', 'marked', 'throws');
const clocks = pick<RetrySpec['clock']>('main', 'main', 'main', 'main', 'main', 'main', 'ahead', 'behind');

function fallbacksOf(family: Family): fc.Arbitrary<FallbackSpec> {
  const answers: FallbackSpec['answer'][] = [
    'value',
    'value',
    'returns',
    'throws',
    'resolves-later',
    'rejects-later',
    'never',
  ];
  return fc.record({
    kind: fc.constant('fallback' as const),
    handles: acceptances,
    answer: pick(...answers, ...(family === 'queues' ? [] : ['resolves-at-once' as const])),
    answerMs: fc.nat(20),
  });
}

const retries: fc.Arbitrary<RetrySpec> = fc
  .record({
    kind: fc.constant('retry' as const),
    maxAttempts: fc.integer({ min: 1, max: 4 }),
    baseDelayMs: fc.integer({ min: 1, max: 30 }),
    maxDelayMs: fc.nat(60),
    maxRetryRatio: pick(0, 0.25, 0.25, 1, Infinity, Infinity),
    isRetryable: acceptances,
    clock: clocks,
  })
  .map((spec) => ({ ...spec, maxDelayMs: spec.baseDelayMs + spec.maxDelayMs }));

const windows: fc.Arbitrary<BreakerSpec['window']> = fc.oneof(
  fc.record({ kind: fc.constant('count' as const), size: fc.integer({ min: 1, max: 6 }) }),
  fc.record({
    kind: fc.constant('time' as const),
    durationMs: fc.integer({ min: 10, max: 150 }),
    bucketCount: pick(1, 2, 4, 5, 10),
  }),
);

const breakers: fc.Arbitrary<BreakerSpec> = fc
  .record({
    kind: fc.constant('breaker' as const),
    failureRatio: pick(0.25, 0.5, 0.75, 1),
    minimumCalls: fc.integer({ min: 1, max: 4 }),
    window: windows,
    openForMs: fc.integer({ min: 1, max: 60 }),
    maxProbes: fc.integer({ min: 1, max: 4 }),
    probeSuccessRatio: pick(0.25, 0.5, 0.75, 1),
    probeLeaseMs: fc.integer({ min: 2, max: 50 }),
    classify: pick<BreakerSpec['classify']>(
      'default',
      'default',
      'default',
      'default',
      'marked',
      'marked',
      'throws',
      'invalid',
    ),
    clock: clocks,
  })
  .map((spec) =>
    spec.window.kind === 'count' ? { ...spec, minimumCalls: Math.min(spec.minimumCalls, spec.window.size) } : spec,
  );

function bulkheadsOf(family: Family): fc.Arbitrary<BulkheadSpec> {
  return fc.record({
    kind: fc.constant('bulkhead' as const),
    maxConcurrent: fc.integer({ min: 1, max: 3 }),
    maxQueued: family === 'queues' ? fc.nat(4) : fc.constant(0),
  });
}

const timeouts: fc.Arbitrary<TimeoutSpec> = fc.record({
  kind: fc.constant('timeout' as const),
  timeoutMs: fc.oneof(
    { weight: 14, arbitrary: fc.integer({ min: 1, max: 60 }) },
    { weight: 1, arbitrary: pick(0, Infinity) },
  ),
  clock: clocks,
});

const foreigns: fc.Arbitrary<ForeignSpec> = fc.record({
  kind: fc.constant('foreign' as const),
  does: pick<ForeignSpec['does']>(
    'passes',
    'awaits',
    'waits-before',
    'waits-after',
    'tries-twice',
    'swallows',
    'derives',
    'forgets-context',
    'rejects',
    'throws',
    'hedges',
  ),
  ms: fc.integer({ min: 1, max: 40 }),
});

function callsOf(family: Family): fc.Arbitrary<CallSpec> {
  return fc.record({
    startMs: fc.nat(160),
    caller: callersOf(family),
    runs: fc.array(runsOf(family), { minLength: 1, maxLength: 4, size: 'max' }),
  });
}

function callersOf(family: Family): fc.Arbitrary<CallerSpec> {
  const contexts: CallerSpec['context'][] = ['clock', 'clock', 'clock', 'ahead', 'behind'];
  if (family !== 'foreign') contexts.push('none', 'none', 'background', 'signal'); // `derives` would be on the platform's clock
  return fc
    .record({
      context: pick(...contexts),
      deadlineMs: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
      cancelAfterMs: fc.option(fc.integer({ min: -1, max: 80 }), { nil: undefined, freq: 2 }),
      cause: pick<CallerSpec['cause']>('default', 'error'),
    })
    .map((spec) => (hasOwnClock(spec) ? spec : { ...spec, deadlineMs: undefined }));
}

/** The others are on the platform's clock, which is not ours to move. */
function hasOwnClock({ context }: CallerSpec): boolean {
  return context === 'clock' || context === 'ahead' || context === 'behind';
}

function runsOf(family: Family): fc.Arbitrary<RunSpec> {
  const atOnce: RunSpec['when'][] = family === 'queues' ? [] : ['at-once'];
  return fc.record({
    when: pick<RunSpec['when']>('returns', 'later', 'later', 'later', 'later', 'never', ...atOnce),
    afterMs: fc.nat(40),
    outcome: pick<RunSpec['outcome']>(
      ...(['value', 'value', 'value', 'value', 'marked-value', 'error', 'error', 'error', 'marked-error'] as const),
      ...(['undefined', 'circuit-open', 'bulkhead-full', 'cancelled', 'deadline', 'timeout'] as const),
    ),
    watches: pick<RunSpec['watches']>('nothing', 'nothing', 'state', 'listener', 'signal'),
    stops: pick<RunSpec['stops']>('no', 'own-error', 'cause'),
    isThenable: often(fc.constant(false), fc.constant(true), 8),
  });
}

function pick<T>(...choices: readonly T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...choices);
}

function often<A, B>(usual: fc.Arbitrary<A>, rare: fc.Arbitrary<B>, weight: number): fc.Arbitrary<A | B> {
  return fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: rare });
}
