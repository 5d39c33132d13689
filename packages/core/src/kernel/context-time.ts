/**
 * Context time: what may be said of when a context ends, and what is a mistake: no number, or the time of a Date.
 *
 * @module
 */

/** Checks a time from now. Milliseconds; 0 and less are over, Infinity is none. */
export function checkTimeout(ms: number): void {
  requireNumber('withTimeout', ms);
  if (ms !== Infinity && ms > LONGEST_MS)
    throw new RangeError('withTimeout takes milliseconds from now, not the time of a Date; Infinity is no deadline');
}

/** Checks an instant of the clock, which says `now`. */
export function checkDeadline(deadline: number, now: number): void {
  requireNumber('withDeadline', deadline);
  if (deadline !== Infinity && deadline - now > LONGEST_MS)
    throw new RangeError(
      'withDeadline takes an instant of the clock, as `deadline` gives it, not of a Date; or use withTimeout',
    );
}

// --- internal ---

/** Longer than anybody waits, shorter than the time since 1970: some 30 years. */
const LONGEST_MS = 1e12;

function requireNumber(method: string, value: number): void {
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${method} needs a number, got ${String(value)}`);
}
