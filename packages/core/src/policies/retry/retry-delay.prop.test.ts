import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { onHookError } from '../../kernel/hooks.ts';
import { backoffKinds } from '../../mechanisms/backoff.ts';
import { askedDelayMs, joinedDelayMs, nextBackoffMs } from './retry-delay.ts';

/** What a hook of somebody else's may do instead of giving a number. */
const anything = fc.oneof(
  fc.double({ noNaN: true, min: 0, max: 1, maxExcluded: true }),
  fc.double(),
  fc.constantFrom<unknown>(undefined, null, 'soon', Infinity, -1, Number.NaN, new Error('thrown')),
);

/** A hook that gives `answer`, or throws it where it is an error. */
function hookOf(answer: unknown): () => never {
  return () => {
    if (answer instanceof Error) throw answer;
    return answer as never;
  };
}

const cases = fc.record({
  attempt: fc.integer({ min: 1, max: 1_000_000 }),
  previousDelayMs: fc.double({ min: 0, max: 600_000, noNaN: true }),
  baseDelayMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
  maxDelayMs: fc.double({ min: 60_000, max: 600_000, noNaN: true }),
  backoff: fc.oneof(fc.constantFrom(...backoffKinds), anything.map(hookOf)),
  retryAfterMs: anything.map(hookOf),
  random: anything.map(hookOf),
});

describe('retry delay, whatever the hooks do', () => {
  beforeEach(() => void onHookError(() => {}));
  afterEach(() => void onHookError(undefined));

  it('(1) (2) charter H4: is from what was asked for to maxDelayMs, for every try up to a million', () => {
    let asked = 0;
    const property = fc.property(cases, ({ attempt, previousDelayMs, ...rest }) => {
      const settings = { name: 'retry', ...rest };
      const outcome = { status: 'rejected', error: new Error('down') } as const;
      const askedMs = askedDelayMs(settings, outcome);
      expect(askedMs).toBeGreaterThanOrEqual(0);
      if (askedMs > settings.maxDelayMs) return; // then there is no other try

      if (askedMs > 0) asked++;
      const backoffMs = nextBackoffMs(settings, { attempt, outcome, previousDelayMs });
      const delayMs = joinedDelayMs(askedMs, backoffMs, settings.maxDelayMs);
      expect(Number.isFinite(delayMs)).toBe(true);
      expect(delayMs).toBeGreaterThanOrEqual(askedMs);
      expect(delayMs).toBeLessThanOrEqual(settings.maxDelayMs);
    });
    fc.assert(property, { numRuns: 3000 });
    expect(asked).toBeGreaterThan(100);
  });
});
