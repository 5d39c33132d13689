/**
 * Hedge: a call that is slow is started again, and the first answer counts.
 *
 * @module
 */

import { type Context, createEvents } from '@holdfast/core';
import { hedge } from '@holdfast/core/hedge';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const events = createEvents();
const stock = hedge({ name: 'stock', delayMs: 50, clock, events });

events.listen(({ type }) => console.log(`  ${clock.now()} ms: ${type}`));

/** An operation whose first copy takes `firstMs`, and any other 10 ms. */
function replica(firstMs: number): (context: Context) => Promise<string> {
  let copies = 0;
  return (context) => {
    const copy = ++copies;
    context.onCancel((cause) => console.log(`  ${clock.now()} ms: copy ${copy} is told: ${String(cause)}`));
    return new Promise((resolve) => {
      clock.setTimer(() => resolve(`12 pieces (copy ${copy})`), copy === 1 ? firstMs : 10);
    });
  };
}

for (const firstMs of [20, 900]) {
  console.log(`the first copy takes ${firstMs} ms:`);
  const startedAt = clock.now();
  const done = stock
    .execute(replica(firstMs))
    .then((value) => console.log(`  ${value}, after ${clock.now() - startedAt} ms`));
  await clock.runAll();
  await done;
}

// Output:
// the first copy takes 20 ms:
//   12 pieces (copy 1), after 20 ms
// the first copy takes 900 ms:
//   70 ms: hedge.started
//   80 ms: copy 1 is told: AbortError: another attempt of stock won
//   80 ms: hedge.won
//   12 pieces (copy 2), after 60 ms
