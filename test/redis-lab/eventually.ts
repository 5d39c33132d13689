/**
 * Eventually: waits for what other processes bring about, and says what was seen last where it does not come about.
 *
 * Invariants
 *  (1) There is a look after the limit as well: a machine that stood still for all of that time fails nothing.
 *
 * @module
 */

/** How long to wait, and for what. */
export interface Wait {
  /** What is awaited, for the error: `the new master`. */
  readonly what: string;
  /** Milliseconds; against waiting for ever, and no measure of how soon it comes. @defaultValue 30_000 */
  readonly limitMs?: number;
  /** Time between two looks. Milliseconds. @defaultValue 20 */
  readonly everyMs?: number;
}

/** Time for the last look. Milliseconds. */
const lastLookMs = 1000;
const standstillMs = 50;

/**
 * Returns the first result of `look` that is neither undefined nor false. An error of `look` counts as not yet.
 *
 * @throws Error when nothing has come after `limitMs`, with the last error of `look` as its cause.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { what, limitMs = 30_000, everyMs = 20 }: Wait,
): Promise<Exclude<T, undefined | false>> {
  const until = performance.now() + limitMs;
  let cause: unknown;
  for (let isLast = false; !isLast;) {
    isLast = performance.now() >= until; // (1)
    try {
      const seen = await withinMs(look(), Math.max(lastLookMs, until - performance.now()), what);
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (!isLast) await sleep(everyMs);
  }
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  throw new Error(`no sign of ${what} within ${limitMs} ms${why}`, { cause });
}

/**
 * Waits as {@link eventually} does. Returns how long it took, in milliseconds, of which a gap between two looks counts as
 * {@link standstillMs} at most: what is longer is a machine that stood still, and not what is measured.
 */
export async function eventuallyIn(look: () => boolean, wait: Wait): Promise<number> {
  let lookedAt = performance.now();
  let tookMs = 0;
  const timed = (): boolean => {
    const now = performance.now();
    tookMs += Math.min(now - lookedAt, standstillMs);
    lookedAt = now;
    return look();
  };
  await eventually(timed, { everyMs: 1, ...wait });
  return tookMs;
}

/** Resolves after `ms` milliseconds. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/**
 * Returns what `pending` comes to.
 *
 * @throws Error when it has not settled within `limitMs`.
 */
export async function withinMs<T>(pending: T | Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${Math.round(limitMs)} ms`)), limitMs);
  });
  try {
    return await Promise.race([pending, late]);
  } finally {
    clearTimeout(timer);
  }
}
