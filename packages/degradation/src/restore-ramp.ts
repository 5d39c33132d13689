/**
 * Restore ramp: how an override that has ended is taken back in steps. Pure: time, randomness and the guard's word are given.
 *
 *   ended ──► step 0 ──► step 1 ──► ... ──► gone
 *               ▲ │ the guard says no, twice in a row
 *               └─┘ one step back, or where it is
 *
 * Invariants
 *  (1) A step is taken only when the guard allows it; two refusals in a row go one step back.
 *  (2) It is over at the latest after ten times the time that it takes undisturbed.
 *  (3) The share never exceeds what the override had.
 *
 * @module
 */

import type { RestorePlan } from './override.ts';

/** Where the way back is. */
export interface RestoreRamp {
  readonly plan: RestorePlan;
  /** Position among the plan's shares; -1 while nothing has been taken back. */
  readonly step: number;
  /** When the next step is due. */
  readonly nextAt: number;
  /** When it is over, whatever the guard says. */
  readonly endsAt: number;
  /** Refusals of the guard in a row. */
  readonly refusedCount: number;
}

/** What a step needs to know. */
export interface RampStep {
  readonly now: number;
  readonly isAllowed: boolean;
  /** A number in [0, 1). */
  readonly random: number;
}

/** Starts the way back at `now`; its first step is due at once. */
export function startRamp(plan: RestorePlan, now: number): RestoreRamp {
  const endsAt = now + 10 * plan.stepMs * (plan.shareRatios.length + 1); // (2)
  return { plan, step: -1, nextAt: now, endsAt, refusedCount: 0 };
}

/** Returns the share that goes on being degraded, of what the override had. */
export function rampShareRatio({ plan, step }: RestoreRamp): number {
  return step < 0 ? 1 : (plan.shareRatios[step] ?? 0); // (3)
}

/** Takes the step that is due. Returns undefined when the override is gone. */
export function stepRamp(ramp: RestoreRamp, { now, isAllowed, random }: RampStep): RestoreRamp | undefined {
  const { plan, endsAt } = ramp;
  if (now >= endsAt) return undefined; // (2)
  const nextAt = Math.min(endsAt, now + plan.stepMs * (0.8 + 0.4 * random));
  if (isAllowed) {
    const step = ramp.step + 1;
    return step >= plan.shareRatios.length ? undefined : { plan, step, nextAt, endsAt, refusedCount: 0 };
  }
  const isSecond = ramp.refusedCount === 1;
  const step = isSecond ? Math.max(-1, ramp.step - 1) : ramp.step; // (1)
  return { plan, step, nextAt, endsAt, refusedCount: isSecond ? 0 : 1 };
}
