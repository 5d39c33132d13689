/**
 * Retry: a fault that passes is not seen by the caller; one that stays is, unchanged.
 *
 * @module
 */

import { createEvents } from '@holdfast/core';
import { retry } from '@holdfast/core/retry';
import { seededRandom, virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const events = createEvents();
const patient = retry({ name: 'stock', maxAttempts: 4, baseDelayMs: 100, clock, events, random: seededRandom(1) });

events.listen((event) => {
  const { attempt, delayMs } = event as typeof event & { attempt: number; delayMs: number };
  console.log(`  try ${attempt} failed, the next one follows after ${delayMs.toFixed()} ms`);
});

/** An operation whose first `failures` tries fail. */
function flaky(failures: number): () => string {
  let tries = 0;
  return () => {
    tries++;
    if (tries <= failures) throw new Error(`connection reset (try ${tries})`);
    return `12 pieces (try ${tries})`;
  };
}

for (const failures of [2, 9]) {
  console.log(`${failures} failures in a row:`);
  const done = patient.execute(flaky(failures)).then(
    (value) => console.log(`  the caller gets ${value}`),
    (error: unknown) => console.log(`  the caller gets ${String(error)}`),
  );
  await clock.runAll();
  await done;
}
console.log(`tries beyond the first: ${patient.retriedCount}`);

// Output:
// 2 failures in a row:
//   try 1 failed, the next one follows after 63 ms
//   try 2 failed, the next one follows after 1 ms
//   the caller gets 12 pieces (try 3)
// 9 failures in a row:
//   try 1 failed, the next one follows after 53 ms
//   try 2 failed, the next one follows after 196 ms
//   try 3 failed, the next one follows after 387 ms
//   the caller gets Error: connection reset (try 4)
// tries beyond the first: 5
