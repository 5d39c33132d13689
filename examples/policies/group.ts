/**
 * Group: three queries for one page, two at once. One fails: the one beside it is told, the one that waits is not started.
 *
 * @module
 */

import { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { group } from '@holdfast/service';

const clock = virtualClock();
const page = Context.withClock(clock).withTimeout(800);

function query(name: string, ms: number, fails = false) {
  return (context: Context): Promise<string> => {
    console.log(`${clock.now()} ms: ${name} starts`);
    return new Promise((resolve, reject) => {
      const stop = context.onCancel((cause) => {
        console.log(`${clock.now()} ms: ${name} is cancelled: ${String(cause)}`);
        reject(cause);
      });
      clock.setTimer(() => {
        stop();
        if (fails) reject(new Error(`${name} is down`));
        else resolve(name);
      }, ms);
    });
  };
}

const parts = group(page, { maxConcurrent: 2 });
void parts.go(query('prices', 300));
void parts.go(query('stock', 100, true));
void parts.go(query('reviews', 50));
const outcome = parts.wait().catch((error: unknown) => `the page: ${String(error)}`);
await clock.advance(1000);
console.log(await outcome);

// Output:
// 0 ms: prices starts
// 0 ms: stock starts
// 100 ms: prices is cancelled: Error: stock is down
// the page: Error: stock is down
