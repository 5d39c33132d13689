/**
 * Rows: what is measured. Every row runs the same operation, an async function that returns 1, under something.
 *
 * `run` is called and awaited, one call at a time. The rows `...-turn` run an operation that settles in a later turn of the
 * event loop, 20 at a time: only such a call takes a place in a queue, and has a timer set for it. Rows named after a policy hold that policy alone; `pipeline-5` is
 * fallback, retry, breaker, bulkhead and timeout, outermost first, with the defaults.
 *
 * @module
 */

import {
  type CircuitBreaker,
  Context,
  type Policy,
  bulkhead,
  circuitBreaker,
  createRegistry,
  fallback,
  pipeline,
  retry,
  timeout,
} from '@holdfast/core';

import { featureRows } from './feature-rows.ts';
import { peerRows, peerTurnRows } from './peer-rows.ts';
import {
  ACROSS_A_TURN,
  BASE_ROW,
  type Row,
  type Subject,
  TIMEOUT_MS,
  TURN_BASE_ROW,
  operation,
  turnOperation,
} from './subject.ts';

/** All rows, in the order of the table. */
export const rows: readonly Row[] = [
  {
    name: BASE_ROW,
    title: 'an async function that awaits the operation',
    prepare: () => ({ run: async () => await operation() }),
  },
  under('breaker', 'circuit breaker, count window', () => circuitBreaker()),
  under('breaker-time-window', 'circuit breaker, time window', () => circuitBreaker({ window: timeWindow })),
  under('timeout', 'timeout', () => timeout(TIMEOUT_MS)),
  under('retry', 'retry', () => retry()),
  under('bulkhead', 'bulkhead', () => bulkhead()),
  under('fallback', 'fallback', () => fallback({ value: 0 })),
  under('pipeline-0', 'pipeline of nothing', () => pipeline()),
  under('pipeline-5', 'pipeline of five', () => five()),
  {
    name: 'pipeline-5-deadline',
    title: 'pipeline of five, caller has a later deadline',
    prepare: () => underDeadline(3600 * TIMEOUT_MS),
  },
  {
    name: 'pipeline-5-tight-deadline',
    title: 'pipeline of five, each caller a context of its own with an earlier deadline',
    prepare: () => {
      const policy = five();
      return { run: () => policy.execute(operation, Context.background.withTimeout(TIMEOUT_MS / 2)) };
    },
  },
  under('pipeline-5-time-window', 'pipeline of five, time window', () => five(circuitBreaker({ window: timeWindow }))),
  { name: 'pipeline-5-listener', title: 'pipeline of five, one listener', prepare: withListener },
  {
    name: 'sync-operation',
    title: 'pipeline of five around a function that is not async',
    prepare: () => {
      const policy = five();
      const plain = (): number => 1;
      return { run: () => policy.execute(plain) };
    },
  },
  {
    name: 'bare-rejected',
    title: 'an async function that throws one and the same error, caught',
    prepare: () => ({
      run: async () => {
        throw FAILURE;
      },
    }),
  },
  { name: 'rejected', title: 'refused by an open breaker, thrown by await and caught', prepare: openBreaker },
  {
    name: 'rejected-handled',
    title: 'refused by an open breaker, handled by catch()',
    prepare: async () => {
      const { run } = await openBreaker();
      const one = (): number => 1;
      return { run: () => (run() as Promise<number>).catch(one) };
    },
  },
  {
    name: 'rejected-permit',
    title: 'refused by an open breaker, asked with tryAcquire()',
    prepare: async () => {
      const { breaker } = await openBreaker();
      return { run: () => (breaker.tryAcquire() === undefined ? 1 : 0) };
    },
  },
  {
    name: 'create-breaker',
    title: 'creating a breaker, no call',
    prepare: () => ({ run: async () => (circuitBreaker({ name: 'created' }).kind === 'circuit-breaker' ? 1 : 0) }),
  },
  ...featureRows,
  ...peerRows,
  { name: TURN_BASE_ROW, title: 'bare, across a turn of the event loop', ...ACROSS_A_TURN, prepare: bareTurn },
  acrossATurn('timeout-turn', 'timeout, across a turn', () => timeout(TIMEOUT_MS)),
  acrossATurn('pipeline-5-turn', 'pipeline of five, across a turn', () =>
    five(circuitBreaker(), bulkhead(ACROSS_A_TURN.inFlightCount)),
  ),
  ...peerTurnRows,
];

// --- internal ---

const FAILURE = new Error('a failure');

const timeWindow = { kind: 'time', durationMs: 10_000 } as const;

function under(name: string, title: string, make: () => Policy<unknown>): Row {
  return {
    name,
    title,
    prepare: () => {
      const policy = make();
      return { run: () => policy.execute(operation) };
    },
  };
}

function acrossATurn(name: string, title: string, make: () => Policy<unknown>): Row {
  const prepare = (): Subject => {
    const policy = make();
    return { run: () => policy.execute(turnOperation) };
  };
  return { name, title, ...ACROSS_A_TURN, prepare };
}

function bareTurn(): Subject {
  return { run: async () => await turnOperation() };
}

function five(breaker: Policy = circuitBreaker(), permits: Policy = bulkhead()): Policy<unknown> {
  return pipeline(fallback({ value: 0 }), retry(), breaker, permits, timeout(TIMEOUT_MS));
}

function underDeadline(ms: number): Subject {
  const policy = five();
  const context = Context.background.withTimeout(ms);
  return { run: () => policy.execute(operation, context), close: () => context.cancel() };
}

function withListener(): Subject {
  const registry = createRegistry();
  let heardCount = 0;
  registry.events.listen(() => heardCount++);
  const policy = registry.pipeline(
    'five',
    registry.create(fallback<number>, { name: 'fallback', value: 0 }),
    registry.create(retry, { name: 'retry' }),
    registry.create(circuitBreaker, { name: 'breaker' }),
    registry.create(bulkhead, { name: 'bulkhead' }),
    registry.create(timeout, { name: 'timeout', timeoutMs: TIMEOUT_MS }),
  );
  return { run: () => policy.execute(operation) };
}

async function openBreaker(): Promise<Subject & { readonly breaker: CircuitBreaker }> {
  const breaker = circuitBreaker({ minimumCalls: 1, openForMs: 86_400_000 });
  await breaker.execute(() => Promise.reject(FAILURE)).catch(() => undefined);
  if (breaker.state !== 'open') throw new Error('the breaker must be open to refuse');
  return { breaker, run: () => breaker.execute(operation) };
}
