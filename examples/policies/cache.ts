/**
 * Cache: a price is fresh for 5 s, stale while it is fetched anew, and what is left when the shop behind it is down.
 *
 * @module
 */

import { Context, contextKey, sourced } from '@holdfast/core';
import { cache } from '@holdfast/core/cache';
import { virtualClock } from '@holdfast/core/testing';

const clock = virtualClock();
const sku = contextKey<string>('sku');
const prices = cache({
  name: 'prices',
  keyOf: (context) => context.value(sku),
  ttlMs: 5_000,
  expiryJitterRatio: 0,
  staleWhileRevalidateMs: 5_000,
  staleIfErrorMs: 60_000,
  clock,
});

let price = 42;
let isDown = false;

async function fetchPrice(): Promise<number> {
  console.log('  asks the shop');
  if (isDown) throw new Error('ECONNREFUSED');
  return price;
}

async function ask(): Promise<void> {
  const outcome = await sourced(prices, fetchPrice, Context.background.withValue(sku, 'tea')).catch(String);
  const { value, source, ageMs } = typeof outcome === 'string' ? { value: outcome, source: 'none', ageMs: 0 } : outcome;
  console.log(`${clock.now() / 1000} s: ${value} (${source}, ${ageMs} ms old)`);
}

await ask();
price = 43;
for (const seconds of [4, 3, 1]) {
  await clock.advance(1000 * seconds);
  await ask();
}
isDown = true;
for (const seconds of [40, 40]) {
  await clock.advance(1000 * seconds);
  await ask();
}
const { hits, staleHits, misses, refreshes } = prices.snapshot();
console.log(JSON.stringify({ hits, staleHits, misses, refreshes }));

// Output:
//   asks the shop
// 0 s: 42 (primary, 0 ms old)
// 4 s: 42 (cached, 4000 ms old)
//   asks the shop
// 7 s: 42 (stale, 7000 ms old)
// 8 s: 43 (cached, 1000 ms old)
//   asks the shop
// 48 s: 43 (stale, 41000 ms old)
//   asks the shop
// 88 s: Error: ECONNREFUSED (none, 0 ms old)
// {"hits":2,"staleHits":2,"misses":3,"refreshes":1}
