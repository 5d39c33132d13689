/**
 * Rate limiter: two letters at once, then one each 100 ms; one may wait, the rest is told when to come back.
 *
 * @module
 */

import { rateLimiter } from '@holdfast/core/rate-limiter';
import { isRejection } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const mail = rateLimiter({ name: 'mail', maxPerInterval: 10, intervalMs: 1000, maxBurst: 2, maxQueued: 1, clock });

async function send(letter: string): Promise<void> {
  try {
    await mail.execute(() => console.log(`${clock.now()} ms: ${letter} is sent`));
  } catch (error) {
    const retryAfterMs = isRejection(error) ? error.retryAfterMs : undefined;
    console.log(`${clock.now()} ms: ${letter} is refused: ${String(error)}, come back in ${retryAfterMs} ms`);
  }
}

const all = Promise.all(['A', 'B', 'C', 'D'].map(send));
await clock.advance(100);
await all;
const { available, queued, rejected, backlogMs } = mail.snapshot();
console.log(JSON.stringify({ available, queued, rejected, backlogMs }));
await clock.advance(100);
await send('D');

// Output:
// 0 ms: A is sent
// 0 ms: B is sent
// 0 ms: D is refused: RateLimitedError: mail allows 10 per 1000 ms, come back in 200 ms
// 100 ms: C is sent
// {"available":0,"queued":0,"rejected":1,"backlogMs":200}
// 200 ms: D is sent
