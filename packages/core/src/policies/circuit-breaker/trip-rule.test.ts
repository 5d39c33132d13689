import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';

import { onHookError } from '../../kernel/hooks.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import { standardDeviations } from '../../mechanisms/wilson-bound.ts';
import { type TripRules, tripReason } from './trip-rule.ts';

const rules: TripRules = {
  failureRatio: 0.5,
  minimumCalls: 4,
  failureCount: Infinity,
  deviations: undefined,
  slowRatio: 0.5,
  shouldOpen: undefined,
};

function windowOf(failures: number, calls: number): CountWindow {
  const window = new CountWindow(1000);
  for (let call = 0; call < calls; call++) window.record(call < failures);
  return window;
}

describe('trip rule', () => {
  afterEach(() => void onHookError(undefined));

  it.each([
    ['too few calls', {}, [3, 3], [0, 0], undefined],
    ['the ratio reached', {}, [2, 4], [0, 4], 'failureRatio'],
    ['the ratio not reached', {}, [1, 4], [1, 4], undefined],
    ['slow calls', {}, [0, 4], [2, 4], 'slowRatio'],
    ['slow calls while the first still run', {}, [0, 0], [4, 4], 'slowRatio'],
    ['a count reached below the minimum', { failureCount: 2 }, [2, 2], [0, 0], 'failureCount'],
    ['a count not reached', { failureCount: 3 }, [2, 100], [0, 0], undefined],
  ] as const)('with %s', (...row) => {
    const [, own, [failures, calls], [slow, timed], expected] = row;
    expect(tripReason('prices', { ...rules, ...own }, windowOf(failures, calls), windowOf(slow, timed))).toBe(expected);
  });

  it.each([
    [0.95, 2, 2, undefined],
    [0.95, 3, 3, 'confidenceRatio'],
    [0.99, 5, 5, undefined],
    [0.99, 6, 6, 'confidenceRatio'],
    [0.95, 5, 6, undefined],
    [0.95, 6, 7, 'confidenceRatio'],
    [0.95, 5, 8, undefined],
    [0.95, 60, 100, 'confidenceRatio'],
    [0.5, 1, 1, 'confidenceRatio'],
  ])('with confidence %d, %d failures of %d calls: %s', (confidence, failures, calls, expected) => {
    const own = { ...rules, deviations: standardDeviations(confidence) };

    expect(tripReason('prices', own, windowOf(failures, calls), undefined)).toBe(expected);
  });

  it('trip rule (1) gives no reason without a failure or a slow call, whatever the rules', () => {
    const property = fc.property(fc.nat(50), fc.boolean(), fc.boolean(), (calls, isTimed, asksUser) => {
      const own = { ...rules, minimumCalls: 1, failureCount: 1, shouldOpen: asksUser ? () => true : undefined };
      const slow = isTimed ? windowOf(0, calls) : undefined;

      expect(tripReason('prices', own, windowOf(0, calls), slow)).toBeUndefined();
    });
    fc.assert(property);
  });

  it('trip rule (2) asks the user’s rule alone, and takes a throw or nonsense for no', () => {
    const reported: string[] = [];
    onHookError(({ hook, policy }) => reported.push(`${hook} of ${String(policy)}`));
    const ask = (shouldOpen: unknown) =>
      tripReason('prices', { ...rules, shouldOpen: shouldOpen as () => boolean }, windowOf(9, 9), windowOf(1, 3));

    expect(ask(() => false)).toBeUndefined();
    expect(
      ask((seen: object) => JSON.stringify(seen) === '{"calls":9,"failures":9,"timedCalls":3,"slowCalls":1}'),
    ).toBe('shouldOpen');
    expect(reported).toEqual([]);
    expect(
      ask(() => {
        throw new Error('broken rule');
      }),
    ).toBeUndefined();
    expect(ask(() => Promise.resolve(true))).toBeUndefined();
    expect(reported).toEqual(['shouldOpen of prices', 'shouldOpen of prices']);
  });
});
