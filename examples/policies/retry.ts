/**
 * Retry: a fault that passes is not seen by the caller; one that stays is, unchanged. While a dependency is down, retries stay
 * a share of the calls.
 *
 * @module
 */

import { type RetryGaveUpEvent, type RetryScheduledEvent, createEvents } from '@holdfast/core';
import { retry } from '@holdfast/core/retry';
import { seededRandom, virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const events = createEvents();
const patient = retry({ name: 'stock', maxAttempts: 4, baseDelayMs: 100, clock, events, random: seededRandom(1) });

const stop = events.listen((event) => {
  if (event.type === 'retry.scheduled') {
    const { attempt, delayMs } = event as RetryScheduledEvent;
    console.log(`  try ${attempt} failed, the next one follows after ${delayMs.toFixed()} ms`);
  } else {
    const { attempt, reason } = event as RetryGaveUpEvent;
    console.log(`  try ${attempt} failed, and was the last one: ${reason}`);
  }
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
stop();

let requests = 0;
for (let calls = 0; calls < 1000; calls++) {
  const done = patient.execute(() => {
    requests++;
    throw new Error('down');
  });
  done.catch(() => {});
  await clock.runAll();
}
console.log(`1000 calls to what is down: ${requests} requests`);

// Output:
// 2 failures in a row:
//   try 1 failed, the next one follows after 63 ms
//   try 2 failed, the next one follows after 1 ms
//   the caller gets 12 pieces (try 3)
// 9 failures in a row:
//   try 1 failed, the next one follows after 53 ms
//   try 2 failed, the next one follows after 196 ms
//   try 3 failed, the next one follows after 387 ms
//   try 4 failed, and was the last one: attempts
//   the caller gets Error: connection reset (try 4)
// tries beyond the first: 5
// 1000 calls to what is down: 1205 requests
