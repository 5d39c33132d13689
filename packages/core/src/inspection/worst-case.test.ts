import { describe, expect, it } from 'vitest';

import { around, aroundUnknown, operationAlone, worstOf } from './worst-case.ts';

const limited = around(operationAlone, { limitMs: 300 }, 'timeout');

describe('worst case', () => {
  it('(2) of an operation is one run, for any time', () => {
    expect(operationAlone).toMatchObject({ maxRuns: 1, maxTimeMs: Infinity });
  });

  it('multiplies runs, and says which', () => {
    const inner = around(operationAlone, { maxRuns: 2 }, 'hedge');

    expect(around(inner, { maxRuns: 3 }, 'retry')).toMatchObject({ maxRuns: 6, whyRuns: 'retry 3 × hedge 2' });
  });

  it.each([
    ['a limit', { limitMs: 100 }, 100, '100 ms (x)'],
    ['a longer limit', { limitMs: 400 }, 300, '300 ms (timeout)'],
    ['a limit of each run', { maxRuns: 2, runLimitMs: 100 }, 200, '2 × 100 ms (x)'],
    ['runs that follow each other', { maxRuns: 3 }, 900, '3 × 300 ms (timeout)'],
    ['runs at once', { maxRuns: 3, maxConcurrentRuns: 3 }, 300, '300 ms (timeout)'],
    ['runs two at once', { maxRuns: 5, maxConcurrentRuns: 2 }, 900, '3 × 300 ms (timeout)'],
    ['waiting', { maxWaitMs: 50 }, 350, '300 ms (timeout) + 50 ms of waiting (x)'],
    ['runs and waiting', { maxRuns: 2, maxWaitMs: 50 }, 650, '2 × 300 ms (timeout) + 50 ms of waiting (x)'],
    ['runs, waiting and a limit', { maxRuns: 2, maxWaitMs: 50, limitMs: 500 }, 500, '500 ms (x)'],
    ['other code', { runsOtherCode: true }, Infinity, 'nothing limits the function of x'],
    ['other code and a limit', { runsOtherCode: true, limitMs: 500 }, 500, '500 ms (x)'],
    ['endless waiting', { maxWaitMs: Infinity }, Infinity, 'nothing limits the waiting of x'],
    ['endless runs', { maxRuns: Infinity }, Infinity, 'nothing limits the runs of x'],
    ['endless runs and a limit', { maxRuns: Infinity, limitMs: 500 }, 500, '500 ms (x)'],
  ])('adds up the time of %s', (_what, traits, maxTimeMs, whyTime) => {
    expect(around(limited, traits, 'x')).toMatchObject({ maxTimeMs, whyTime });
  });

  it('puts a sum that is multiplied into brackets', () => {
    const inner = around(limited, { maxWaitMs: 50 }, 'queue');

    expect(around(inner, { maxRuns: 2 }, 'retry').whyTime).toBe('2 × (300 ms (timeout) + 50 ms of waiting (queue))');
  });

  it('(1) says what it assumes, outermost first', () => {
    const inner = around(limited, { assumes: 'it stands in no other pipeline' }, 'cache');

    expect(limited.assumes).toEqual([]);
    expect(around(inner, { maxWaitMs: 5, assumes: 'nobody takes from it by hand' }, 'queue').assumes).toEqual([
      'queue: nobody takes from it by hand',
      'cache: it stands in no other pipeline',
    ]);
  });

  it('of one of several is the most of each', () => {
    const long = around(operationAlone, { limitMs: 900, assumes: 'a' }, 'long');
    const often = around(limited, { maxRuns: 2, limitMs: 500, assumes: 'a' }, 'often');
    const most = { maxRuns: 2, whyRuns: 'often 2', maxTimeMs: 900, whyTime: '900 ms (long)' };

    expect(worstOf(long, often)).toEqual({ ...most, assumes: ['long: a', 'often: a'] });
    expect(worstOf(often, long)).toMatchObject(most);
    const other = { ...long, whyRuns: 'the same', whyTime: 'the same' };
    expect(worstOf(long, other)).toMatchObject({ whyRuns: long.whyRuns, whyTime: long.whyTime });
  });

  it('says nothing of the runs of one that runs any number of times around one run', () => {
    expect(around(limited, { maxRuns: Infinity }, 'x').whyRuns).toBe('x any number');
  });

  it('(2) has no bound around what is not known, until a limit', () => {
    const unknown = aroundUnknown('mine');

    expect(unknown).toEqual({
      maxRuns: Infinity,
      whyRuns: 'mine does not say',
      maxTimeMs: Infinity,
      whyTime: 'mine does not say',
      assumes: [],
    });
    expect(around(unknown, { limitMs: 10 }, 'timeout')).toMatchObject({ maxRuns: Infinity, maxTimeMs: 10 });
  });
});
