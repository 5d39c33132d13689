/**
 * Fallback: an error is answered with the last good value, but not when the caller has gone.
 *
 * @module
 */

import { Context, CancelledError, FallbackError, isResilienceError } from '@holdfast/core';
import { fallback } from '@holdfast/core/fallback';

let lastGood: string | undefined;

const lenient = fallback({
  name: 'rates',
  substitute: () => {
    if (lastGood === undefined) throw new Error('nothing cached yet');
    return `${lastGood} (stale)`;
  },
});

async function show(what: string, call: Promise<string>): Promise<void> {
  const outcome = await call.catch((error: unknown) => (isResilienceError(error) ? error : Promise.reject(error)));
  if (typeof outcome === 'string') console.log(`${what}: ${outcome}`);
  else console.log(`${what}: ${outcome.code}, because of: ${String(outcome.cause)}`);
  if (outcome instanceof FallbackError) console.log(`  and then: ${String(outcome.fallbackError)}`);
}

const down = (): never => {
  throw new Error('ECONNREFUSED');
};
const up = (): string => {
  lastGood = '1 EUR = 1.08 USD';
  return lastGood;
};

await show('down, nothing cached', lenient.execute(down));
await show('up', lenient.execute(up));
await show('down again', lenient.execute(down));

const context = Context.background.withCancel();
context.cancel(new CancelledError('the user closed the page'));
await show('nobody waits', lenient.execute(down, context));
console.log(`answered, or tried to: ${lenient.usedCount}`);

// Output:
// down, nothing cached: FALLBACK_FAILED, because of: Error: ECONNREFUSED
//   and then: Error: nothing cached yet
// up: 1 EUR = 1.08 USD
// down again: 1 EUR = 1.08 USD (stale)
// nobody waits: CANCELLED, because of: undefined
// answered, or tried to: 2
