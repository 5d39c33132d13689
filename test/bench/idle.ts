/**
 * Idle: what policies cost while nobody calls them. Measured in a process of its own, run with `--expose-gc`.
 *
 * @module
 */

import { type CircuitBreaker, bulkhead, circuitBreaker, fallback, pipeline, retry, timeout } from '@holdfast/core';

import { quantile } from './statistics.ts';

/** What policies at rest take. */
export interface IdleCost {
  /** Breakers that were created. */
  readonly breakerCount: number;
  /** Heap that one breaker with the defaults takes, its name included. Bytes. */
  readonly bytesPerBreaker: number;
  /** The same with a time window. Bytes. */
  readonly bytesPerTimeWindowBreaker: number;
  /** The same for a pipeline of five policies. Bytes. */
  readonly bytesPerPipeline: number;
  /** The same for a breaker that has seen calls. Bytes. */
  readonly bytesPerUsedBreaker: number;
  /** Time for which the process was idle with all of them alive. Milliseconds. */
  readonly idleMs: number;
  /** Processor time that it took meanwhile, in the median half second. 1 is one core. */
  readonly cpuRatio: number;
  /** Processor time that a process without policies takes for the same. 1 is one core. */
  readonly emptyCpuRatio: number;
  /** Timers and handles that the policies hold at rest. */
  readonly activeResources: readonly string[];
}

/** Measures with `breakerCount` breakers and as many pipelines, idling for `idleMs` twice. */
export async function measureIdle(breakerCount: number, idleMs: number): Promise<IdleCost> {
  const before = process.getActiveResourcesInfo();
  const emptyCpuRatio = await cpuWhileIdle(idleMs);

  const timeWindowed = heapOf(breakerCount, (name) => circuitBreaker({ name, window: TIME_WINDOW }));
  const pipelines = heapOf(breakerCount / 10, five);
  const breakers = heapOf(breakerCount, (name) => circuitBreaker({ name }));
  const heapBefore = usedHeap();
  await callAll([...breakers.made, ...timeWindowed.made]);
  await Promise.all(pipelines.made.map((policy) => policy.execute(() => 1)));
  const grownBytes = usedHeap() - heapBefore;

  const cpuRatio = await cpuWhileIdle(idleMs);
  const activeResources = withoutThose(process.getActiveResourcesInfo(), before);
  return {
    breakerCount: breakers.made.length,
    bytesPerBreaker: Math.round(breakers.bytesEach),
    bytesPerTimeWindowBreaker: Math.round(timeWindowed.bytesEach),
    bytesPerPipeline: Math.round(pipelines.bytesEach),
    bytesPerUsedBreaker: Math.round(breakers.bytesEach + grownBytes / (2 * breakerCount)),
    idleMs,
    cpuRatio,
    emptyCpuRatio,
    activeResources,
  };
}

// --- internal ---

const TIME_WINDOW = { kind: 'time', durationMs: 10_000 } as const;

function five(name: string) {
  const breaker = circuitBreaker({ name });
  return pipeline(
    { name },
    fallback({ value: 0 }),
    retry({ name }),
    breaker,
    bulkhead({ name }),
    timeout({ name, timeoutMs: 1000 }),
  );
}

function heapOf<P>(count: number, make: (name: string) => P): { readonly made: P[]; readonly bytesEach: number } {
  make('first'); // so that what is made once only does not count
  const made: P[] = Array.from({ length: count });
  const before = usedHeap();
  for (let index = 0; index < count; index++) made[index] = make(`dependency-${index}`);
  return { made, bytesEach: (usedHeap() - before) / count };
}

/** Each breaker sees successes and one failure. */
async function callAll(breakers: readonly CircuitBreaker[]): Promise<void> {
  for (const breaker of breakers) {
    await breaker.execute(() => 1);
    await breaker.execute(() => Promise.resolve(1));
    await breaker.execute(() => Promise.reject(FAILURE)).catch(() => undefined);
  }
}

const FAILURE = new Error('a failure');

function usedHeap(): number {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error('run this with --expose-gc');
  for (let pass = 0; pass < 4; pass++) gc();
  return process.memoryUsage().heapUsed;
}

/**
 * The median of slices of half a second. The runtime collects its garbage some seconds after it was busy, which is one slice;
 * thousands of policies that woke up now and then would show in each.
 */
async function cpuWhileIdle(ms: number): Promise<number> {
  await sleep(200); // what is being collected or compiled still
  const ratios: number[] = [];
  for (let restedMs = 0; restedMs < ms; restedMs += SLICE_MS) {
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await sleep(SLICE_MS);
    const { user, system } = process.cpuUsage(cpu);
    ratios.push((user + system) / 1000 / (performance.now() - startedAt));
  }
  return quantile(ratios, 0.5);
}

const SLICE_MS = 500;

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function withoutThose(all: readonly string[], known: readonly string[]): string[] {
  const rest = [...known];
  return all.filter((name) => {
    const index = rest.indexOf(name);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}
