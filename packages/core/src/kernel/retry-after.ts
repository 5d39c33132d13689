/**
 * Retry after: when whoever failed says that it may be asked again.
 *
 * @module
 */

/**
 * Returns what `error` tells in a field `retryAfterMs`. Milliseconds, 0 to Infinity; undefined where it has no such field, or
 * one that is no time. Never throws.
 */
export function retryAfterMsOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  try {
    const { retryAfterMs } = error as { readonly retryAfterMs?: unknown };
    return typeof retryAfterMs === 'number' && retryAfterMs >= 0 ? retryAfterMs : undefined;
  } catch {
    return undefined; // a hostile getter
  }
}
