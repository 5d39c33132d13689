/**
 * Eventually: waits for what other processes bring about, and says what was seen last where it does not come about.
 *
 * @module
 */

/** How long to wait, and for what. */
export interface Wait {
  /** What is awaited, for the error: `the new master`. */
  readonly what: string;
  /** Milliseconds. @defaultValue 10_000 */
  readonly limitMs?: number;
  /** Time between two looks. Milliseconds. @defaultValue 20 */
  readonly everyMs?: number;
}

/**
 * Returns the first result of `look` that is neither undefined nor false. An error of `look` counts as not yet.
 *
 * @throws Error when nothing came within `limitMs`, with the last error of `look` as its cause.
 */
export async function eventually<T>(
  look: () => T | Promise<T>,
  { what, limitMs = 10_000, everyMs = 20 }: Wait,
): Promise<Exclude<T, undefined | false>> {
  const until = performance.now() + limitMs;
  let cause: unknown;
  while (performance.now() < until) {
    try {
      const seen = await withinMs(look(), Math.max(1, until - performance.now()), what);
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await sleep(everyMs);
  }
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  throw new Error(`no sign of ${what} within ${limitMs} ms${why}`, { cause });
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
