/**
 * GCRA, the generic cell rate algorithm: admits calls at a steady rate with bursts, and remembers one number.
 *
 * That number is the theoretical arrival time: the instant at which everything admitted so far would be worked off at the
 * steady rate. A call comes early by how far it lies ahead; up to a tolerance that is a burst, beyond it too soon.
 *
 *   ──── conformsAt ──────────────── arrival time ────► time
 *   too soon │◄── tolerance: maxBurst - 1 calls ──►│ at rest
 *
 * Invariants
 *  (1) In any span of time at most `maxBurst` calls conform, plus one for each `emissionMs` of the span. A call may cost as
 *      much as several; one that costs more than `maxBurst` conforms at rest, and is then worked off in full.
 *  (2) A call that waits for exactly `waitMs` conforms, if no other was admitted meanwhile.
 *  (3) Asking changes nothing; only what is admitted counts.
 *
 * Source: Recommendation ITU-T I.371, annex A.2, virtual scheduling algorithm, 2004,
 * https://www.itu.int/rec/T-REC-I.371-200403-I; Rate limiting, cells, and GCRA, B. Leach, 2015,
 * https://brandur.org/rate-limiting.
 * Deviation: a call that comes a millionth of `emissionMs` too soon conforms, so that rounding refuses nobody.
 *
 * @module
 */

/** What is allowed. */
export interface GcraLimits {
  /** Time per call at the steady rate. Milliseconds, above 0. */
  readonly emissionMs: number;
  /** Calls that conform at once, from rest. Integer, at least 1. */
  readonly maxBurst: number;
}

/** The arrival time before anything was admitted. */
export const gcraAtRest: number = Number.NEGATIVE_INFINITY;

/** Returns the earliest instant at which the next call conforms. Cost: constant. */
export function conformsAt(arrivalAt: number, { emissionMs, maxBurst }: GcraLimits): number {
  return arrivalAt - (maxBurst - 1) * emissionMs;
}

/** Whether a call conforms at `now`. Cost: constant. */
export function conforms(arrivalAt: number, now: number, { emissionMs, maxBurst }: GcraLimits): boolean {
  return now >= arrivalAt - (maxBurst - 1 + ROUNDING_RATIO) * emissionMs;
}

/**
 * Returns the arrival time by which a call of `cost` is judged: it conforms when one call would, by that time. What costs more
 * than the whole burst needs the whole burst. Cost: constant.
 */
export function arrivalFor(cost: number, arrivalAt: number, { emissionMs, maxBurst }: GcraLimits): number {
  return arrivalAt + ((cost < maxBurst ? cost : maxBurst) - 1) * emissionMs;
}

/** Returns the arrival time after a call was admitted at `now`. It must have conformed. */
export function admit(arrivalAt: number, now: number, { emissionMs }: GcraLimits): number {
  return (arrivalAt > now ? arrivalAt : now) + emissionMs;
}

/** Returns the time from `now` until `instant`, such that `now` plus that time is no earlier. Milliseconds, 0 or more. */
export function waitMs(instant: number, now: number): number {
  if (now >= instant) return 0;
  const ms = instant - now;
  return now + ms >= instant ? ms : ms + (instant - (now + ms)) * 2; // (2): the difference was rounded down
}

/** Returns how many calls would conform at `now`, one right after the other. Integer, 0 to `maxBurst`. */
export function available(arrivalAt: number, now: number, limits: GcraLimits): number {
  const spare = (now - conformsAt(arrivalAt, limits)) / limits.emissionMs + ROUNDING_RATIO;
  return spare < 0 ? 0 : Math.min(limits.maxBurst, Math.floor(spare) + 1);
}

/** Returns how long after `now` the whole burst is there again. Milliseconds; 0 at rest. */
export function backlogMs(arrivalAt: number, now: number): number {
  return Math.max(0, arrivalAt - now);
}

/** Returns the arrival time that lies `ms` milliseconds after `now`, or less where the limits allow less. */
export function withBacklog(ms: number, now: number, { emissionMs, maxBurst }: GcraLimits): number {
  return ms > 0 ? now + Math.min(ms, maxBurst * emissionMs) : gcraAtRest;
}

/** Returns the arrival time under new limits: the calls not yet worked off stay so, but no more than a whole burst of them. */
export function rescale(arrivalAt: number, now: number, change: { from: GcraLimits; to: GcraLimits }): number {
  const ratio = change.to.emissionMs / change.from.emissionMs;
  return withBacklog(backlogMs(arrivalAt, now) * ratio, now, change.to);
}

// --- internal ---

/** What sums of instants may be off by, as a share of the time per call. */
const ROUNDING_RATIO = 1e-6;
