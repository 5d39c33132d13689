/**
 * Require context: refuses what was handed in where a context or a carrier belongs, and says what it is.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/**
 * Checks that `context` is a context.
 *
 * @throws TypeError when it is none.
 */
export function requireContext(caller: string, context: Context): void {
  const { withValue, remainingMs } = (context ?? {}) as Partial<Record<keyof Context, unknown>>;
  if (typeof withValue !== 'function' || typeof remainingMs !== 'function')
    throw new TypeError(`${caller} needs a context, got ${kindOf(context)}`);
}

/** What `value` is, for people; never its content. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null || value === undefined ? String(value) : `a value of type ${typeof value}`;
}
