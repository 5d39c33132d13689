import { describe, expect, it } from 'vitest';

import { fallback } from '../policies/fallback/fallback.ts';
import { cache } from '../policies/cache/cache.ts';
import { retry } from '../policies/retry/retry.ts';
import { timeout } from '../policies/timeout/timeout.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { DeadlineExceededError } from './cancellation.ts';
import { Context, contextKey } from './context.ts';
import { RejectionError } from './errors.ts';
import { pipeline } from './pipeline.ts';
import type { Policy } from './policy.ts';
import { isSourced, noteProvenance, sourced, sourcedCall } from './provenance.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

const boom = new Error('boom');
const fail = (): Promise<never> => Promise.reject(boom);
const primary = {
  source: 'primary',
  policy: undefined,
  step: undefined,
  reason: undefined,
  error: undefined,
  ageMs: 0,
} as const;
const spare = fallback({ name: 'spare', value: 'stale' });

describe('provenance', () => {
  it('(3) is primary for a value of the operation, whatever it ran through', async () => {
    const value = { price: 1 };

    expect(await sourced(pipeline(spare, retry(), timeout(100)), () => value)).toEqual({ value, ...primary });
  });

  it('(2) comes with the very value, and an error comes through as it is', async () => {
    const value = { price: 1 };

    expect((await sourced(spare, () => value)).value).toBe(value);
    await expect(sourced(retry({ maxAttempts: 1 }), fail)).rejects.toBe(boom);
    await expect(sourced(spare, 7 as never)).rejects.toThrow('execute needs a function to run');
    await expect(sourced(spare, () => 1, {} as never)).rejects.toThrow('execute needs a Context');
  });

  it.each([
    ['error', boom],
    ['timeout', new DeadlineExceededError()],
    ['rejection', new Refused('no')],
  ])('names the fallback, its step and the reason: %s', async (reason, error) => {
    const policy = pipeline(spare, timeout(100));

    expect(await sourced(policy, () => Promise.reject(error))).toEqual({
      value: 'stale',
      source: 'fallback',
      policy: 'spare',
      step: 'value',
      reason,
      error,
      ageMs: undefined,
    });
  });

  it('names the step that answered, and a bad result as the reason', async () => {
    const policy = fallback({
      classify: ({ status }) => (status === 'fulfilled' ? 'failure' : 'ignored'),
      steps: [{ substitute: fail }, { name: 'second', value: 2 }],
    });

    expect(await sourced(policy, () => 503)).toMatchObject({ step: 'second', reason: 'result', error: undefined });
  });

  it('comes through a policy that knows only execute', async () => {
    const own: Policy = { execute: (operation, context) => retry().execute(operation, context) };

    expect(await sourced(pipeline(own, spare), fail)).toMatchObject({ source: 'fallback', policy: 'spare' });
  });

  it('is that of the outermost answer', async () => {
    const policy = pipeline(
      fallback({ name: 'outer', value: 1, classify: ({ status }) => (status === 'fulfilled' ? 'failure' : 'ignored') }),
      spare,
    );

    expect(await sourced(policy, fail)).toMatchObject({ value: 1, source: 'fallback', policy: 'outer' });
  });

  it('is that of the last try, not of an earlier one', async () => {
    let tries = 0;
    const isLast = (): boolean => tries === 2;
    const policy = pipeline(
      retry({ maxAttempts: 2, baseDelayMs: 0, classify: () => (isLast() ? 'success' : 'failure') }),
      spare,
    );

    expect(await sourced(policy, () => (++tries === 1 ? fail() : 'fresh'))).toEqual({ value: 'fresh', ...primary });
  });

  it('(4) says nothing of what the operation calls itself', async () => {
    const operation = async (context: Context): Promise<string> => `inner ${await spare.execute(fail, context)}`;

    expect(await sourced(retry(), operation)).toEqual({ value: 'inner stale', ...primary });
  });

  it('(1) is noted for nobody without being asked for', async () => {
    const request = Context.background.withCancel();
    const seen: Context[] = [];
    const policy = fallback({ substitute: (_error, context) => seen.push(context) });

    await policy.execute(fail, request);

    expect(seen).toEqual([request]);
  });

  describe('of a cache', () => {
    const topic = contextKey<string>('topic');
    const tea = Context.background.withValue(topic, 'tea');
    const make = (clock = virtualClock()) => ({
      clock,
      prices: cache({
        name: 'prices',
        keyOf: (context) => context.value(topic),
        ttlMs: 100,
        expiryJitterRatio: 0,
        staleWhileRevalidateMs: 50,
        staleIfErrorMs: 900,
        clock,
      }),
    });

    it('tells how old a kept value is, and why a stale one was given', async () => {
      const { clock, prices } = make();
      expect(await sourced(prices, () => 1, tea)).toEqual({ value: 1, ...primary });

      const kept = { value: 1, policy: 'prices', step: undefined, error: undefined };
      await clock.advance(40);
      expect(await sourced(prices, fail, tea)).toEqual({ ...kept, source: 'cached', reason: undefined, ageMs: 40 });
      await clock.advance(80);
      expect(await sourced(prices, fail, tea)).toEqual({
        ...kept,
        source: 'stale',
        reason: 'revalidating',
        ageMs: 120,
      });
      await settle();
      await clock.advance(80);
      expect(await sourced(prices, fail, tea)).toEqual({
        ...kept,
        source: 'stale',
        reason: 'error',
        error: boom,
        ageMs: 200,
      });
    });

    it('tells each that shares a run where its value came from, and keeps that with the value', async () => {
      const { clock, prices } = make();
      const policy = pipeline(prices, spare);

      const both = await Promise.all([sourced(policy, fail, tea), sourced(policy, fail, tea)]);
      await clock.advance(40);
      const later = await sourced(policy, fail, tea);

      const answer = { value: 'stale', source: 'fallback', policy: 'spare', reason: 'error' };
      expect(both).toMatchObject([answer, answer]);
      expect(later).toMatchObject({ ...answer, ageMs: 40 });
    });

    it('(4) says nothing of what the operation calls itself', async () => {
      const { prices } = make();

      expect(await sourced(prices, (context) => spare.execute(fail, context), tea)).toMatchObject(primary);
      expect(await sourced(prices, fail, tea)).toMatchObject({ source: 'cached' });
    });
  });

  describe('of a call that is no operation', () => {
    it('(5) is what the last to answer in it says, and primary where nobody did', async () => {
      const other = fallback({ name: 'other', value: 'spare' });
      const call = async (context: Context): Promise<string> => {
        await other.execute(fail, context);
        return spare.execute(fail, context);
      };

      expect(await sourcedCall(call)).toMatchObject({ value: 'stale', source: 'fallback', policy: 'spare' });
      expect(await sourcedCall(() => 7)).toEqual({ value: 7, ...primary });
      await expect(sourcedCall(fail)).rejects.toBe(boom);
    });

    it('is one of its own, whatever is asked of the call around it', async () => {
      const call = (context: Context) => sourcedCall((inner) => spare.execute(fail, inner), context);

      expect(await sourcedCall(call)).toMatchObject({ source: 'primary', value: { source: 'fallback' } });
    });
  });

  describe('of a policy of your own', () => {
    const kept = { ...primary, source: 'stale', policy: 'mine', reason: 'degraded', ageMs: 5 } as const;
    const mine: Policy<string> = {
      execute: (_operation, context = Context.background) => {
        noteProvenance(context, kept);
        return Promise.resolve('kept');
      },
    };

    it('is what it notes in the turn in which it answers', async () => {
      expect(await sourced(pipeline(retry(), mine), () => 'fresh')).toEqual({ value: 'kept', ...kept });
      expect(await sourcedCall((context) => mine.execute(fail, context))).toEqual({ value: 'kept', ...kept });
    });

    it('(1) is noted for nobody without being asked for, and forgotten with undefined', async () => {
      expect(isSourced(Context.background)).toBe(false);
      noteProvenance(Context.background, kept);
      const call = async (context: Context): Promise<boolean> => {
        await mine.execute(fail, context);
        noteProvenance(context, undefined);
        return isSourced(context);
      };

      expect(await sourcedCall(call)).toEqual({ value: true, ...primary });
    });
  });
});
