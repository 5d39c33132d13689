/**
 * Coalesce: three callers want the same price, one request is made, and the one who leaves early leaves alone.
 *
 * @module
 */

import { Context, contextKey } from '@holdfast/core';
import { coalesce } from '@holdfast/core/coalesce';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const sku = contextKey<string>('sku');
const prices = coalesce({ name: 'prices', keyOf: (context) => context.value(sku) });

async function fetchPrice(context: Context): Promise<number> {
  console.log(`${clock.now()} ms: asks for ${context.value(sku)}`);
  await new Promise<void>((resolve) => void clock.setTimer(resolve, 100));
  return 42;
}

async function ask(who: string, context: Context): Promise<void> {
  const answer = await prices.execute(fetchPrice, context.withValue(sku, 'tea')).catch(String);
  console.log(`${clock.now()} ms: ${who} has ${answer}`);
}

const request = Context.withClock(clock);
const all = [ask('Ada', request.withTimeout(30)), ask('Bob', request), ask('Cleo', request.withTimeout(500))];
const counts = () => {
  const { inFlight, runs, shared } = prices.snapshot();
  return JSON.stringify({ inFlight, runs, shared });
};
console.log(counts());
await clock.advance(200);
await Promise.all(all);
console.log(counts());

// Output:
// 0 ms: asks for tea
// {"inFlight":1,"runs":1,"shared":2}
// 30 ms: Ada has TimeoutError: the deadline of the context passed
// 100 ms: Bob has 42
// 100 ms: Cleo has 42
// {"inFlight":0,"runs":1,"shared":2}
