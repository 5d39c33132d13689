import { describe, expect, it } from 'vitest';

import { type Context, Context as Contexts, cache } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';

import { staleValue } from './stale-values.ts';

function setUp() {
  const clock = virtualClock();
  const values = cache({ keyOf: () => 'tea', ttlMs: 1000, staleIfErrorMs: 60_000, expiryJitterRatio: 0, clock });
  let runs = 0;
  const fetch = async (_context: Context) => `price ${++runs}`;
  const ask = (maxStaleMs: number) => staleValue(values, { key: 'tea', maxStaleMs }, fetch, Contexts.background);
  return { clock, values, fetch, ask };
}

describe('staleValue', () => {
  it('(1) gives what is held up to the bound, and asks beyond it', async () => {
    const { clock, values, fetch, ask } = setUp();
    await values.execute(fetch);
    await clock.advance(30_000);

    expect(await ask(30_000)).toEqual({ value: 'price 1', ageMs: 30_000 });
    expect(await ask(29_999)).toEqual({ value: 'price 2', ageMs: 0 });
    await expect(ask(-1)).rejects.toThrow('staleValue.maxStaleMs');
  });

  it('(2) asks once for all who find nothing', async () => {
    const { ask } = setUp();

    const answers = await Promise.all([ask(1000), ask(1000), ask(1000)]);

    expect(answers.map(({ value }) => value)).toEqual(['price 1', 'price 1', 'price 1']);
  });
});
