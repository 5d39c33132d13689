/**
 * Bulkhead: two reports at once, two in the queue for as long as their deadlines allow; the rest is told why it does not run.
 *
 * @module
 */

import { BulkheadFullError, bulkhead } from '@holdfast/core/bulkhead';
import { type Clock, Context, contextKey } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const urgency = contextKey<number>('urgency');
const reports = bulkhead({
  name: 'reports',
  maxConcurrent: 2,
  maxQueued: 2,
  minRunMs: 100,
  priorityOf: (context) => context.value(urgency) ?? 0,
  clock,
});

function work(on: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void on.setTimer(resolve, ms));
}

async function run(name: string, withinMs: number, priority = 0): Promise<void> {
  const context = Context.withClock(clock).withTimeout(withinMs).withValue(urgency, priority);
  try {
    await reports.execute(async () => {
      console.log(`${clock.now()} ms: ${name} starts`);
      await work(clock, 100);
    }, context);
    console.log(`${clock.now()} ms: ${name} is done`);
  } catch (error) {
    if (error instanceof BulkheadFullError) console.log(`${clock.now()} ms: ${name} is refused: ${error.reason}`);
  }
}

const all = Promise.all([
  run('A', 1000),
  run('B', 1000),
  run('C', 150), // waits; at 50 ms it has too little time left
  run('D', 1000), // waits
  run('E', 1000), // finds the queue full
  run('urgent', 1000, 9), // takes the place of D, the last of those that wait
]);
await clock.advance(1000);
await all;
const { running, queued, admitted, rejections } = reports.snapshot();
console.log(JSON.stringify({ running, queued, admitted, rejections }));

{
  using permit = reports.tryAcquire(); // by hand, until the end of the block
  console.log(`by hand: ${permit !== undefined}, running: ${reports.snapshot().running}`);
}
console.log(`running: ${reports.snapshot().running}`);

// Output:
// 0 ms: A starts
// 0 ms: B starts
// 0 ms: D is refused: evicted
// 0 ms: E is refused: queue-full
// 50 ms: C is refused: would-miss-deadline
// 100 ms: urgent starts
// 100 ms: A is done
// 100 ms: B is done
// 200 ms: urgent is done
// {"running":0,"queued":0,"admitted":3,"rejections":{"queue-full":1,"would-miss-deadline":1,"max-wait":0,"evicted":1}}
// by hand: true, running: 1
// running: 0
