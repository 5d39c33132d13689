/**
 * Faults: what can go wrong at a dependency, and the draw that decides what goes wrong with one call.
 *
 * @module
 */

/** How an endpoint misbehaves. Ratios are shares of its calls, 0 to 1; their sum is at most 1. */
export interface Fault {
  /** Time before the answer, drawn evenly between the two. Milliseconds. */
  readonly latencyMs?: readonly [number, number];
  /** Calls answered with 503. */
  readonly errorRatio?: number;
  /** Calls never answered, until the fault is lifted. */
  readonly hangRatio?: number;
  /** Calls whose connection is reset. */
  readonly resetRatio?: number;
  /** Calls answered at once, with a body that takes {@link SLOW_BODY_MS} to arrive. */
  readonly slowBodyRatio?: number;
}

/** What happens to one call. */
export type Fate = 'answer' | 'error' | 'hang' | 'reset' | 'slow-body';

/** Time that the second half of a slow body takes. Milliseconds. */
export const SLOW_BODY_MS = 3000;

/** How an endpoint behaves without a fault. */
export const healthy: Fault = Object.freeze({ latencyMs: [3, 15] as const });

/** Decides what happens to one call. */
export function drawFate(fault: Fault, random: () => number): Fate {
  const shares: readonly (readonly [Fate, number | undefined])[] = [
    ['error', fault.errorRatio],
    ['hang', fault.hangRatio],
    ['reset', fault.resetRatio],
    ['slow-body', fault.slowBodyRatio],
  ];
  let draw = random();
  for (const [fate, ratio = 0] of shares) {
    if (draw < ratio) return fate;
    draw -= ratio;
  }
  return 'answer';
}

/** Decides how long one call waits for its answer. Milliseconds. */
export function drawLatencyMs(fault: Fault, random: () => number): number {
  const [minMs, maxMs] = fault.latencyMs ?? [3, 15];
  return minMs + (maxMs - minMs) * random();
}
