/**
 * Ramp: how calls come back to a circuit that has closed: a growing share of them passes. Pure.
 *
 * Invariants
 *  (1) The share grows evenly from a tenth, and is all of them once `rampUpMs` have passed.
 *
 * @module
 */

/** When the circuit closed. Milliseconds. */
export interface Ramp {
  readonly startedAt: number;
}

/** Share of the calls that pass at `now`: (1). */
export function passRatioOf({ startedAt }: Ramp, rampUpMs: number, now: number): number {
  return Math.min(1, Math.max(MIN_PASS_RATIO, (now - startedAt) / rampUpMs));
}

/** Milliseconds until all calls pass. */
export function remainingRampMs({ startedAt }: Ramp, rampUpMs: number, now: number): number {
  return Math.max(0, startedAt + rampUpMs - now);
}

/** The rest of a ramp that began on another node; undefined where this one has none. */
export function restOfRamp(remainingMs: number, rampUpMs: number, now: number): Ramp | undefined {
  return rampUpMs > 0 && remainingMs > 0 ? { startedAt: now - Math.max(0, rampUpMs - remainingMs) } : undefined;
}

// --- internal ---

/** The share of calls that pass at the beginning of a ramp. */
const MIN_PASS_RATIO = 0.1;
