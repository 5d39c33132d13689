/**
 * Execute ratio: what a call through a shared breaker costs beside one through a breaker of its own, while the server is up,
 * stopped and gone; and beside a breaker that asks the server before each call.
 *
 * @module
 */

import { type CircuitBreaker, circuitBreaker, createRegistry } from '@holdfast/core';
import { redisCircuitStore } from '@holdfast/redis';

import type { RedisServer } from '../../redis-lab/redis-server.ts';
import { type Effort, measureRows } from '../rounds.ts';
import { type Row, operation } from '../subject.ts';
import { naiveBreaker } from './naive-breaker.ts';

/** What the server does meanwhile. */
export type ServerState = 'up' | 'stopped' | 'killed';

/** What was measured in one state of the server. */
export interface ExecuteRatio {
  readonly redis: ServerState;
  /** Time of a call through the shared breaker, as a multiple of one through a breaker without a store. */
  readonly ratio: number;
  /** The longest of {@link SINGLE_CALLS} calls through the shared breaker, and through the other. Milliseconds. */
  readonly worstMs: number;
  readonly worstAloneMs: number;
  /** One call through a breaker that asks the server, as such a multiple; where the server is away, its time instead. */
  readonly naive: { readonly ratio: number } | { readonly ms: number; readonly outcome: string };
}

/** Calls that are timed one by one. */
const SINGLE_CALLS = 50_000;

/** Measures in each state. Leaves the server killed. */
export async function measureExecuteRatio(server: RedisServer, effort: Effort): Promise<readonly ExecuteRatio[]> {
  const store = redisCircuitStore(server.connect({ lazyConnect: true }), { namespace: 'execute' });
  const alone = circuitBreaker({ name: 'alone' });
  const shared = createRegistry({ store }).create(circuitBreaker, { name: 'shared' });
  const naive = naiveBreaker(server.connect({ commandTimeout: NAIVE_TIMEOUT_MS }));
  if (!(await store.ready(20_000))) throw new Error('the store is not shared');
  const results: ExecuteRatio[] = [];
  for (const redis of ['up', 'stopped', 'killed'] as const) {
    if (redis === 'stopped') server.pause();
    if (redis === 'killed') await server.kill();
    const rows = [rowOf('alone', alone), rowOf('shared', shared)];
    const [, measured] = await measureRows(rows, effort);
    results.push({
      redis,
      ratio: measured?.ratio.median ?? Number.NaN,
      worstMs: await worstMs(shared),
      worstAloneMs: await worstMs(alone),
      naive: redis === 'up' ? { ratio: await naiveRatio(naive, alone, effort) } : await naiveCall(naive),
    });
  }
  await store.close();
  return results;
}

// --- internal ---

const NAIVE_TIMEOUT_MS = 1000;

type Breaker = Pick<CircuitBreaker, 'execute'>;

function rowOf(name: string, breaker: Breaker): Row {
  return { name, title: name, baseline: 'alone', prepare: () => ({ run: () => breaker.execute(operation) }) };
}

async function naiveRatio(naive: Breaker, alone: Breaker, effort: Effort): Promise<number> {
  const [, measured] = await measureRows([rowOf('alone', alone), rowOf('naive', naive)], effort);
  return measured?.ratio.median ?? Number.NaN;
}

async function naiveCall(naive: Breaker): Promise<{ readonly ms: number; readonly outcome: string }> {
  const startedAt = performance.now();
  const outcome = await naive.execute(operation).then(
    () => 'ran',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return { ms: performance.now() - startedAt, outcome };
}

async function worstMs(breaker: Breaker): Promise<number> {
  let worst = 0;
  for (let call = 0; call < SINGLE_CALLS; call++) {
    const startedAt = performance.now();
    await breaker.execute(operation);
    worst = Math.max(worst, performance.now() - startedAt);
    if (call % 500 === 0) await new Promise((resolve) => setImmediate(resolve)); // timers and sockets get their turns
  }
  return worst;
}
