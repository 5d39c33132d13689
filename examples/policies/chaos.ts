/**
 * Chaos: a rehearsal. Calls are delayed and half of them fail on purpose, until eight injections were made; then things are as
 * before.
 *
 * @module
 */

import { pipeline, retry } from '@holdfast/core';
import { chaos } from '@holdfast/core/chaos';
import { seededRandom, virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const storm = chaos({
  name: 'storm',
  injections: [
    { kind: 'latency', callRatio: 1, latencyMs: 20 },
    { kind: 'fault', callRatio: 0.5 },
  ],
  maxInjections: 8,
  clock,
  random: seededRandom(2),
});
const prices = pipeline(retry({ maxAttempts: 3, baseDelayMs: 0, clock }), storm);

async function call(): Promise<void> {
  const startedAt = clock.now();
  const answer = prices.execute(() => 'value').catch(String);
  await clock.runAll();
  console.log(`${await answer} after ${clock.now() - startedAt} ms`);
}

await call();
storm.update({ enforcement: 'enforce' });
for (let index = 0; index < 6; index++) await call();
const { injected, stoppedBy } = storm.snapshot();
console.log(`${injected.latency} delays, ${injected.fault} faults, stopped by ${stoppedBy ?? 'nobody'}`);

// Output:
// value after 0 ms
// value after 40 ms
// value after 20 ms
// value after 40 ms
// value after 0 ms
// value after 0 ms
// value after 0 ms
// 5 delays, 3 faults, stopped by max-injections
