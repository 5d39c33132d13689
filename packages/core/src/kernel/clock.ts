/**
 * Clock: the port through which all time enters.
 *
 * Policies read time from a `Clock` and set timers on it, so that tests run on a virtual one. This file and
 * `testing/` are the only places that touch the platform's time.
 *
 * Invariants
 *  (1) `now()` never goes back.
 *  (2) A timer never fires before its due time as `now()` tells it.
 *  (3) Delays beyond what the platform's timers can hold are waited for in full.
 *
 * @module
 */

/** Source of monotonic time and timers. One clock may serve any number of policies. */
export interface Clock {
  /** Milliseconds since an arbitrary moment, with fractions; never goes back. */
  now(): number;
  /**
   * Calls `callback` once, `delayMs` milliseconds from now. Zero or less fires as soon as possible, never synchronously;
   * Infinity never fires.
   */
  setTimer(callback: () => void, delayMs: number): Timer;
  /**
   * Calls `callback` once, soon after the current turn of the event loop and its microtasks. Optional: with it, calls that
   * settle within their turn need no place among the deadlines.
   */
  defer?(callback: () => void): void;
}

/** A timer that was set on a {@link Clock}. */
export interface Timer {
  /** Stops the timer. Does nothing when it fired or was cancelled before. */
  cancel(): void;
  /** Lets the process end while this timer waits. */
  unref(): void;
  /** Keeps the process alive while this timer waits, as it does when set. */
  ref(): void;
}

/**
 * Stands for "nobody has read the clock yet" where an instant is passed along with a call, so that a call's layers read
 * the clock at most once going in and once coming out, and not at all when none of them needs it.
 */
export const UNREAD: number = Number.NEGATIVE_INFINITY;

/** What only some platforms have. */
const platform = globalThis as { setImmediate?: (callback: () => void) => unknown };

/** Returns `now` if somebody read it already, and reads `clock` otherwise. Milliseconds. */
export function readOnce(clock: Clock, now: number): number {
  return now === UNREAD ? clock.now() : now;
}

/** Returns the earlier of `deadline`, an instant on `clock`, and that of `other`, which may be on another clock; on `clock`. */
export function earlierOn(
  clock: Clock,
  deadline: number,
  other: { readonly clock: Clock; readonly deadline: number },
): number {
  if (other.deadline === Infinity) return deadline;
  const isSame = other.clock === clock;
  return Math.min(deadline, isSame ? other.deadline : clock.now() + other.deadline - other.clock.now());
}

/** The platform's monotonic clock and timers. It reads the globals at each call, so that fake timers take effect. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  setTimer: (callback: () => void, delayMs: number): Timer => new SystemTimer(callback, delayMs),
  ...(typeof platform.setImmediate === 'function' && {
    defer: (callback: () => void): void => void platform.setImmediate?.(callback),
  }),
});

// --- internal ---

/** The longest delay that platform timers hold: 2^31 - 1 ms; a longer one would fire at once. */
const MAX_DELAY_MS = 2_147_483_647;

type PlatformTimer = ReturnType<typeof setTimeout> | { ref?: () => void; unref?: () => void };

class SystemTimer implements Timer {
  readonly #callback: () => void;
  readonly #dueAt: number;
  #platformTimer: PlatformTimer | undefined;
  #referenced = true;

  constructor(callback: () => void, delayMs: number) {
    this.#callback = callback;
    this.#dueAt = performance.now() + delayMs;
    this.#arm(delayMs);
  }

  cancel(): void {
    clearTimeout(this.#platformTimer as ReturnType<typeof setTimeout> | undefined);
    this.#platformTimer = undefined;
  }

  unref(): void {
    this.#referenced = false;
    if (typeof this.#platformTimer === 'object') this.#platformTimer.unref?.();
  }

  ref(): void {
    this.#referenced = true;
    if (typeof this.#platformTimer === 'object') this.#platformTimer.ref?.();
  }

  #arm(delayMs: number): void {
    if (delayMs === Infinity) return;
    this.#platformTimer = setTimeout(() => this.#fire(), Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    if (!this.#referenced) this.unref();
  }

  #fire(): void {
    const remainingMs = this.#dueAt - performance.now();
    if (remainingMs > 0) {
      this.#arm(Math.ceil(remainingMs)); // (2), (3)
      return;
    }
    this.#platformTimer = undefined;
    this.#callback();
  }
}
