import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { CancelledError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { observe } from '../../testing/operation-table.ts';
import { virtualClock } from '../../testing/virtual-clock.ts';
import { fallback } from './fallback.ts';

/** How an operation or a substitute ends, and when; never when `afterMs` is undefined. */
interface Ending {
  readonly kind: 'value' | 'error' | 'cancelled';
  readonly afterMs: number | undefined;
}

const endings: fc.Arbitrary<Ending> = fc.record({
  kind: fc.constantFrom('value', 'error', 'cancelled'),
  afterMs: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
});
const plans = fc.record({
  operation: endings,
  substitute: endings,
  handled: fc.boolean(),
  endsAfterMs: fc.integer({ min: 1, max: 60 }),
});

interface Played {
  readonly error: Error;
  readonly worse: Error;
  readonly askedAt: readonly number[];
  readonly cause: unknown;
  readonly standing: ReturnType<ReturnType<typeof observe>>;
}

async function play(plan: typeof plans extends fc.Arbitrary<infer P> ? P : never): Promise<Played> {
  const clock = virtualClock();
  const askedAt: number[] = [];
  const error = plan.operation.kind === 'cancelled' ? new CancelledError() : new Error('operation');
  const worse = plan.substitute.kind === 'cancelled' ? new CancelledError() : new Error('substitute');
  const end = (ending: Ending, value: string, failure: Error): Promise<string> =>
    new Promise((resolve, reject) => {
      if (ending.afterMs === undefined) return;
      clock.setTimer(() => (ending.kind === 'value' ? resolve(value) : reject(failure)), ending.afterMs);
    });
  const policy = fallback({
    substitute: () => {
      askedAt.push(clock.now());
      return end(plan.substitute, 'stale', worse);
    },
    ...(plan.handled ? {} : { handles: () => false }),
  });
  const context = Context.withClock(clock).withTimeout(plan.endsAfterMs);
  const call = observe(policy.execute(() => end(plan.operation, 'fresh', error), context));
  await clock.advance(200);
  return { error, worse, askedAt, cause: context.cause, standing: call() };
}

const runs = { numRuns: 500 };

describe('fallback, whatever happens', () => {
  it('fallback (1) asks for a substitute at most once, and only for a handled error', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const { askedAt } = await play(plan);
      const { kind, afterMs } = plan.operation;
      const failsInTime = kind === 'error' && afterMs !== undefined && afterMs < plan.endsAfterMs;

      expect(askedAt).toHaveLength(failsInTime && plan.handled ? 1 : 0);
    });
    await fc.assert(property, runs);
  });

  it('fallback (2) asks for none once the context has ended', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const { askedAt, standing, cause } = await play(plan);

      for (const instant of askedAt) expect(instant).toBeLessThan(plan.endsAfterMs);
      if (plan.operation.afterMs === undefined) expect(standing).toEqual({ status: 'rejected', error: cause });
    });
    await fc.assert(property, runs);
  });

  it('fallback (3) keeps the error of the operation as the cause when the substitute fails', async () => {
    const property = fc.asyncProperty(plans, async (plan) => {
      const { askedAt, standing, error, worse, cause } = await play(plan);
      if (askedAt[0] === undefined) return;

      const { kind, afterMs } = plan.substitute;
      const endsAt = afterMs === undefined ? Infinity : askedAt[0] + afterMs;
      if (endsAt === plan.endsAfterMs) return; // a tie may go either way
      const isLate = endsAt > plan.endsAfterMs;
      if (isLate) expect(standing).toEqual({ status: 'rejected', error: cause });
      else if (kind === 'value') expect(standing).toEqual({ status: 'fulfilled', value: 'stale' });
      else expect(standing).toMatchObject({ error: { code: 'FALLBACK_FAILED', cause: error, fallbackError: worse } });
    });
    await fc.assert(property, runs);
  });

  const steps = fc.array(
    fc.record({
      isFor: fc.boolean(),
      ending: fc.constantFrom('value', 'throws', 'rejects', 'cancels'),
      afterMs: fc.nat(9),
    }),
    { minLength: 1, maxLength: 6 },
  );

  it('fallback (1), (2), (3), (4) asks steps in order until one answers, and loses no error', async () => {
    const enforcement = fc.constantFrom('enforce', 'enforce', 'observe', 'off');
    const property = fc.asyncProperty(steps, enforcement, async (plan, mode) => {
      const clock = virtualClock();
      const context = Context.withClock(clock).withCancel();
      const original = new Error('operation');
      const asked: number[] = [];
      const errors = plan.map((_step, index) => new Error(`step ${index}`));
      const policy = fallback({
        enforcement: mode,
        steps: plan.map(({ isFor, ending, afterMs }, index) => ({
          when: () => isFor,
          substitute: (): unknown => {
            asked.push(index);
            if (ending === 'throws') throw errors[index];
            return new Promise((resolve, reject) => {
              clock.setTimer(() => {
                if (ending === 'cancels') context.cancel('left');
                else if (ending === 'value') resolve(index);
                else reject(errors[index]);
              }, afterMs);
            });
          },
        })),
      });
      const call = observe(policy.execute(() => Promise.reject(original), context));
      await clock.advance(100);

      const wanted = plan.flatMap(({ isFor }, index) => (isFor ? [index] : []));
      const last = wanted.find((index) => plan[index]?.ending === 'value' || plan[index]?.ending === 'cancels');
      const expected = mode === 'enforce' ? wanted.filter((index) => last === undefined || index <= last) : [];
      expect(asked).toEqual(expected);
      const { status } = call();
      if (expected.length === 0) expect(call()).toStrictEqual({ status: 'rejected', error: original });
      else if (last === undefined)
        expect(call()).toMatchObject({
          error: { cause: original, fallbackErrors: expected.map((index) => errors[index]) },
        });
      else if (plan[last]?.ending === 'value') expect(call()).toEqual({ status: 'fulfilled', value: last });
      else expect(call()).toEqual({ status: 'rejected', error: 'left' });
      const observed = mode === 'observe' && wanted.length > 0 ? 1 : 0;
      const used = expected.length > 0 ? 1 : 0;
      const answered = status === 'fulfilled' ? 1 : 0;
      expect(policy.snapshot()).toEqual({ enforcement: mode, used, answered, failed: used - answered, observed });
    });
    await fc.assert(property, runs);
  });
});
