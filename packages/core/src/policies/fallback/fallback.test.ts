import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError, DeadlineExceededError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type FallbackError, fallback } from './fallback.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}
const boom = new Error('boom');
const fail = (): never => {
  throw boom;
};

describe('fallback', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('stays out of the way of a value', async () => {
    const policy = fallback({ value: 'stale' });

    await expect(policy.execute(() => 'fresh')).resolves.toBe('fresh');
    expect(policy.usedCount).toBe(0);
  });

  it('answers an error with the value', async () => {
    const value = { stale: true };
    const policy = fallback({ value });

    await expect(policy.execute(fail)).resolves.toBe(value);
    expect(policy.usedCount).toBe(1);
  });

  it('answers with undefined when that is the value', async () => {
    await expect(fallback({ value: undefined }).execute(fail)).resolves.toBeUndefined();
  });

  it('hands the error and the context to the substitute', async () => {
    const context = Context.background.withCancel();
    const seen: unknown[] = [];
    const policy = fallback({ substitute: (error, own) => seen.push(error, own) });

    await policy.execute(fail, context);

    expect(seen).toEqual([boom, context]);
  });

  it('answers rejections and timeouts, but not a cancellation', async () => {
    const policy = fallback({ value: 'stale' });
    const cancelled = new CancelledError();

    await expect(policy.execute(() => Promise.reject(new Refused('no')))).resolves.toBe('stale');
    await expect(policy.execute(() => Promise.reject(new DeadlineExceededError()))).resolves.toBe('stale');
    await expect(policy.execute(() => Promise.reject(cancelled))).rejects.toBe(cancelled);
  });

  it('hands an error on that handles refuses, and does not ask the substitute', async () => {
    let asked = 0;
    const policy = fallback({ substitute: () => asked++, handles: (error) => error !== boom });

    await expect(policy.execute(fail)).rejects.toBe(boom);
    expect(asked).toBe(0);
    expect(policy.usedCount).toBe(0);
  });

  it('tells its listeners which error it answered', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);

    await fallback({ name: 'prices', value: 0, events }).execute(fail);

    expect(recorder.events).toEqual([
      {
        type: 'fallback.used',
        policy: 'fallback',
        name: 'prices',
        enforcement: 'enforce',
        error: boom,
        reason: 'error',
        step: 'value',
      },
    ]);
  });

  describe('charter C1: when the substitute fails as well', () => {
    const worse = new Error('worse');

    it.each([
      [
        'throws',
        () =>
          fallback({
            substitute: () => {
              throw worse;
            },
          }),
      ],
      ['rejects', () => fallback({ substitute: () => Promise.reject(worse) })],
    ])('and %s, gives an error with both', async (_how, make) => {
      const call = await settled(make().execute(fail));

      expect(call).toMatchObject({ error: { name: 'FallbackError', code: 'FALLBACK_FAILED', policy: 'fallback' } });
      const { error } = call as { error: FallbackError };
      expect(error.cause).toBe(boom);
      expect(error.fallbackError).toBe(worse);
    });
  });

  describe('options', () => {
    const table = optionTable('fallback', { name: { kind: 'name' }, handles: { kind: 'function' } }, { value: 0 });

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(fallback, options)).toBe(expected);
    });

    it('need exactly one of value and substitute', () => {
      const message = 'ConfigError: fallback must be given exactly one of value and substitute, or steps, got';

      expect(verdictOn(fallback, {})).toContain(`${message} "neither"`);
      expect(verdictOn(fallback, { value: 1, substitute: () => 1 })).toContain(`${message} "both"`);
      expect(verdictOn(fallback, { substitute: undefined })).toContain(`${message} "neither"`);
      expect(verdictOn(fallback, { substitute: 7 })).toContain('fallback.substitute must be a function, got 7');
    });

    it('given as undefined count as omitted beside the other one', () => {
      expect(verdictOn(fallback, { value: 1, substitute: undefined })).toBe('accepted');
      expect(verdictOn(fallback, { value: undefined, substitute: () => 1 })).toBe('accepted');
    });

    it('are refused with the known ones where one is unknown', () => {
      expect(verdictOn(fallback, { value: 1, default: 1 })).toContain('TypeError: fallback has no option "default"');
    });
  });

  describe('charter C4: hands on what an operation comes to, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const seen: unknown[] = [];
      const policy = fallback({ substitute: (error) => (seen.push(error), 'stale') });
      const call = await settled(policy.execute(operation));

      const isError = expected.status === 'rejected';
      expect(call).toEqual(isError ? { status: 'fulfilled', value: 'stale' } : expected);
      expect(seen).toEqual(isError ? [expected.error] : []);
    });

    it.each(operationTable())('and takes the same of a substitute, when it $title', async ({ operation, expected }) => {
      const call = await settled(fallback({ substitute: operation }).execute(fail));

      if (expected.status === 'rejected') {
        expect(call).toMatchObject({ error: { code: 'FALLBACK_FAILED', fallbackError: expected.error, cause: boom } });
      } else {
        expect(call).toEqual(expected);
      }
    });
  });

  it('charter C3: is the same with listeners that throw', async () => {
    const events = createEvents();
    events.listen(fail);
    const policy = fallback({ value: 'stale', events });

    await expect(policy.execute(fail)).resolves.toBe('stale');
    expect(policy.usedCount).toBe(1);
    expect(hookErrors).toMatchObject([{ hook: 'listener', cause: boom }]);
  });

  it('charter C5: decides by the default rule when handles throws, and names the hook', async () => {
    const bad = new Error('bad predicate');
    const policy = fallback({
      value: 'stale',
      handles: () => {
        throw bad;
      },
    });
    const cancelled = new CancelledError();

    await expect(policy.execute(fail)).resolves.toBe('stale');
    await expect(policy.execute(() => Promise.reject(cancelled))).rejects.toBe(cancelled);
    expect(hookErrors).toMatchObject([
      { hook: 'handles', cause: bad },
      { hook: 'handles', cause: bad },
    ]);
  });

  describe('charter G4: when the caller aborts', () => {
    const reason = { why: 'the user left' };

    it('before the call, runs neither operation nor substitute', async () => {
      let runs = 0;
      const policy = fallback({ substitute: () => runs++ });
      const call = await settled(policy.execute(() => runs++, Context.from(AbortSignal.abort(reason))));

      expect(call).toEqual({ status: 'rejected', error: reason });
      expect(runs).toBe(0);
    });

    it('during the operation, gives the reason and asks for no substitute', async () => {
      const context = Context.background.withCancel();
      const policy = fallback({ value: 'stale' });
      const call = observe(policy.execute(never, context));

      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(policy.usedCount).toBe(0);
    });

    it('during the substitute, gives the reason', async () => {
      const context = Context.background.withCancel();
      const call = observe(fallback({ substitute: never }).execute(fail, context));

      await settle();
      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
    });

    it('after the call, changes nothing', async () => {
      const context = Context.background.withCancel();
      const call = observe(fallback({ value: 'stale' }).execute(fail, context));

      await settle();
      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'fulfilled', value: 'stale' });
    });
  });

  it('charter G6: is of no use once the deadline of the caller has passed', async () => {
    const clock = virtualClock();
    const context = Context.withClock(clock).withTimeout(100);
    const policy = fallback({ value: 'stale' });
    const call = observe(policy.execute(never, context));

    await clock.advance(100);

    expect(call()).toEqual({ status: 'rejected', error: context.cause });
    expect(policy.usedCount).toBe(0);
    expect(clock.pendingCount).toBe(0);
  });

  it('charter A3: leaves no listener on a long-lived signal after 10,000 calls', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal);
    const policy = fallback({ substitute: () => Promise.resolve('stale') });

    for (let round = 0; round < 10_000; round++) {
      const context = round % 2 === 0 ? shared : Context.from(controller.signal);
      await policy.execute(() => (round % 3 === 0 ? Promise.resolve(1) : Promise.reject(boom)), context);
    }

    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});
