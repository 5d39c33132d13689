/**
 * Ended before: waits for what has begun, until a context ends.
 *
 * @module
 */

import { type Clock, type Context, ignoreRejection, within } from '@holdfast/core';

/**
 * Returns what `pending` comes to; what that is after the context has ended is dropped. Without a `clock` it
 * keeps no process alive.
 *
 * @throws `context.cause` when the context ends first, or had ended.
 */
export async function endedBefore<T>(pending: PromiseLike<T>, context: Context, clock: Clock | undefined): Promise<T> {
  ignoreRejection(pending);
  const ending = await within(() => pending, { clock, context });
  if (ending.kind === 'done') return ending.value;
  throw ending.kind === 'failed' ? ending.error : ending.cause;
}
