import { describe, expect, it } from 'vitest';

import type { CallerSpec, Case, RunSpec, TimeoutSpec } from './case.ts';
import { compare } from './compare.ts';
import { coreUnderTest } from './core-under-test.ts';
import { engineSide } from './engine-side.ts';

const core = await coreUnderTest();

describe('clocks', () => {
  it('a deadline is kept where all is on one clock', async () => {
    expect(await differenceFor('clock', 'main', 1)).toBeUndefined();
    expect(await differenceFor('clock', 'main', 3)).toBeUndefined();
  });

  it.each([
    ['ahead', 'main'],
    ['clock', 'behind'],
  ] as const)('a deadline on the clock %s is kept under a timeout on the clock %s', async (context, clock) => {
    expect(await differenceFor(context, clock, 1)).toBeUndefined();
  });
});

/** A call with a deadline of `deadlineMs` and an operation that never settles, under a timeout of 2 ms. */
async function differenceFor(context: CallerSpec['context'], clock: TimeoutSpec['clock'], deadlineMs: number) {
  const specified: Case = {
    family: 'plain',
    layers: [{ kind: 'timeout', timeoutMs: 2, clock }],
    calls: [
      { startMs: 0, caller: { context, deadlineMs, cancelAfterMs: undefined, cause: 'default' }, runs: [neverSettles] },
    ],
    visits: [],
    hasTurns: false,
    listeners: 'one',
    seed: 0,
  };
  const { difference } = await compare(specified, (listeners, observer) => engineSide(core, listeners, observer));
  return difference;
}

const neverSettles: RunSpec = {
  when: 'never',
  afterMs: 0,
  outcome: 'value',
  watches: 'nothing',
  stops: 'no',
  isThenable: false,
};
