/**
 * Circuit breaker: a dependency that keeps failing is left alone, then probed, then used again.
 *
 * @module
 */

import { createEvents } from '@holdfast/core';
import { circuitBreaker } from '@holdfast/core/circuit-breaker';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const events = createEvents();
const breaker = circuitBreaker({
  name: 'recommender',
  minimumCalls: 4,
  failureRatio: 0.5,
  openForMs: 10_000,
  maxProbes: 2,
  clock,
  events,
});

events.listen((event) => {
  const { type, from, to } = event as typeof event & { from: string; to: string };
  if (type === 'circuit-breaker.transitioned') console.log(`  ${from} -> ${to}`);
});

let isHealthy = false;
let reached = 0;

async function recommend(): Promise<string[]> {
  reached++;
  if (!isHealthy) throw new Error('503');
  return ['socks'];
}

async function callTimes(count: number): Promise<void> {
  reached = 0;
  const outcomes: string[] = [];
  for (let call = 0; call < count; call++) {
    outcomes.push(await breaker.execute(recommend).then(String, (error: Error) => error.message));
  }
  console.log(`${clock.now()} ms: ${outcomes.join(', ')} (${reached} of ${count} calls went out)`);
}

await callTimes(6);
await clock.advance(4000);
await callTimes(2);
isHealthy = true;
await clock.advance(6000);
await callTimes(3);
console.log(JSON.stringify(breaker.snapshot().transitions));

// Output:
//   closed -> open
// 0 ms: 503, 503, 503, 503, recommender is open, recommender is open (4 of 6 calls went out)
// 4000 ms: recommender is open, recommender is open (0 of 2 calls went out)
//   open -> half-open
//   half-open -> closed
// 10000 ms: socks, socks, socks (3 of 3 calls went out)
// {"closed->open":1,"open->half-open":1,"half-open->closed":1}
