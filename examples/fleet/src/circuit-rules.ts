/**
 * Circuit rules: how each process decides, the same in all. Times are short, so that a story of a minute has room for them.
 *
 * @module
 */

import type { CircuitBreakerOptions } from '@holdfast/core';

/** The circuit that the fleet shares. */
export const circuitRules = Object.freeze({
  name: 'pricing',
  window: { kind: 'count', size: 20 },
  minimumCalls: 10,
  failureRatio: 0.5,
  openForMs: 1200,
  maxProbes: 3,
  probeLeaseMs: 1500,
  rampUpMs: 1500,
} as const satisfies CircuitBreakerOptions & { name: string });

/** Time that a call may take. Milliseconds; less than the lease of a probe. */
export const CALL_LIMIT_MS = 1000;

/** Calls per second of each process: the first is busy, the last nearly idle. */
export function callRate(index: number): number {
  return Math.max(4, Math.round(40 * 0.7 ** index));
}

/** Time that the last of so many processes would need to open by its own calls. Milliseconds. */
export function aloneMs(processes: number): number {
  return (circuitRules.window.size * circuitRules.failureRatio * 1000) / callRate(processes - 1);
}
