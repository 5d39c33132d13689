/**
 * Require context: refuses what was handed in where a context belongs, an `AbortSignal` most often.
 *
 * @module
 */

import { ConfigError, type Context } from '@holdfast/core';

/**
 * Checks that `context` is a context.
 *
 * @throws ConfigError when it is none.
 */
export function requireContext(place: string, context: Context): void {
  const { withTimeout, remainingMs } = (context ?? {}) as Partial<Record<keyof Context, unknown>>;
  if (typeof withTimeout !== 'function' || typeof remainingMs !== 'function')
    throw new ConfigError(place, 'a Context; make one of a signal with Context.from(signal)', context);
}
