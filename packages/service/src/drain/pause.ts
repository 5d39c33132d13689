/**
 * Pause: waits for a time, or until a context ends.
 *
 * @module
 */

import { type Clock, type Context, within } from '@holdfast/core';

/** Waits for `ms` milliseconds, or until `context` ends if that is sooner. The process is kept alive. */
export async function pause(
  ms: number,
  { clock, context }: { readonly clock: Clock; readonly context: Context },
): Promise<void> {
  const own = context.withTimeout(ms);
  await within(() => new Promise<never>(() => {}), { clock, context: own });
}
