/**
 * Timeout: a slow operation is cut off at its deadline, and its signal says why.
 *
 * @module
 */

import { isTimeout, type Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { timeout } from '@holdfast/core/timeout';

const clock = virtualClock();
const withinTime = timeout({ name: 'prices', timeoutMs: 300, clock });

/** Answers after `ms`, unless nobody waits any more. */
function fetchPrice(context: Context, ms: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(() => resolve(42), ms);
    context.onCancel((cause) => {
      timer.cancel();
      console.log(`${clock.now()} ms: the operation stops: ${String(cause)}`);
      reject(cause);
    });
  });
}

async function call(ms: number): Promise<void> {
  console.log(`${clock.now()} ms: a call that takes ${ms} ms`);
  try {
    const price = await withinTime.execute((context) => fetchPrice(context, ms));
    console.log(`${clock.now()} ms: the price is ${price}`);
  } catch (error) {
    console.log(`${clock.now()} ms: the caller goes free, timed out: ${isTimeout(error)}`);
  }
}

for (const ms of [200, 900]) {
  const done = call(ms);
  await clock.advance(1000);
  await done;
}

// Output:
// 0 ms: a call that takes 200 ms
// 200 ms: the price is 42
// 1000 ms: a call that takes 900 ms
// 1300 ms: the operation stops: TimeoutError: prices gave up after 300 ms
// 1300 ms: the caller goes free, timed out: true
