/**
 * Bulkhead: two reports at once, one in the queue, the rest is told to come back later.
 *
 * @module
 */

import { bulkhead } from '@holdfast/core/bulkhead';
import { isRejection, type Clock } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const reports = bulkhead({ name: 'reports', maxConcurrent: 2, maxQueued: 1 });

function work(on: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void on.setTimer(resolve, ms));
}

async function run(name: string): Promise<void> {
  try {
    await reports.execute(async () => {
      console.log(`${clock.now()} ms: ${name} starts`);
      await work(clock, 100);
    });
    console.log(`${clock.now()} ms: ${name} is done`);
  } catch (error) {
    console.log(`${clock.now()} ms: ${name} is refused: ${String(error)}, ran: ${!isRejection(error)}`);
  }
}

const all = Promise.all(['A', 'B', 'C', 'D'].map(run));
await clock.advance(0);
console.log(JSON.stringify(reports.snapshot()));
await clock.advance(1000);
await all;
console.log(JSON.stringify(reports.snapshot()));

// Output:
// 0 ms: A starts
// 0 ms: B starts
// 0 ms: D is refused: BulkheadFullError: reports is full: 2 running, 1 waiting, ran: false
// {"running":2,"queued":1,"rejected":1,"maxConcurrent":2,"maxQueued":1}
// 100 ms: C starts
// 100 ms: A is done
// 100 ms: B is done
// 200 ms: C is done
// {"running":0,"queued":0,"rejected":1,"maxConcurrent":2,"maxQueued":1}
