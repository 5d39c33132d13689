/**
 * Supervise: a loop crashes at once, again and again. It is restarted more slowly each time, then in safe mode, and then given up.
 *
 * @module
 */

import { virtualClock } from '@holdfast/core/testing';
import { supervise } from '@holdfast/service';

const clock = virtualClock();
const supervisor = supervise(
  'outbox',
  (_context, { number, isSafeMode }) => {
    console.log(`${clock.now()} ms: run ${number}${isSafeMode ? ', in safe mode' : ''}`);
    throw new Error('no connection');
  },
  {
    clock,
    random: () => 0.5, // delays are drawn from nothing to a bound; here always half of it
    baseDelayMs: 100,
    maxRestarts: 4,
    safeModeAfterCount: 3,
    onCrash: ({ error, restartInMs }) => {
      console.log(`  ${String(error)}; ${restartInMs === undefined ? 'not again' : `again in ${restartInMs} ms`}`);
    },
    onGiveUp: ({ name, run }) => console.log(`${name} is given up after ${run} runs`),
  },
);

supervisor.start();
await clock.runAll();
console.log(supervisor.status().state);

// Output:
// 0 ms: run 1
//   Error: no connection; again in 50 ms
// 50 ms: run 2
//   Error: no connection; again in 100 ms
// 150 ms: run 3
//   Error: no connection; again in 200 ms
// 350 ms: run 4, in safe mode
//   Error: no connection; again in 400 ms
// 750 ms: run 5, in safe mode
//   Error: no connection; not again
// outbox is given up after 5 runs
// gave-up
