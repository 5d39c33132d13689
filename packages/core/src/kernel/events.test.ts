import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { HookError } from './errors.ts';
import { type PolicyEvent, createEvents, silence } from './events.ts';
import { onHookError, reportHookError } from './hooks.ts';

const event: PolicyEvent = { type: 'retry.scheduled', policy: 'retry', name: 'prices' };

describe('events', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('are active only while somebody listens', () => {
    const events = createEvents();
    expect(events.active).toBe(false);

    const stop = events.listen(() => {});
    expect(events.active).toBe(true);
    stop();
    stop();
    expect(events.active).toBe(false);
  });

  it('(1) charter C3: go on to the other listeners when one throws, and report the error', () => {
    const events = createEvents();
    const cause = new Error('bad listener');
    const seen: PolicyEvent[] = [];
    events.listen(() => {
      throw cause;
    });
    events.listen((each) => seen.push(each));

    expect(() => events.emit(event)).not.toThrow();
    expect(seen).toEqual([event]);
    expect(hookErrors).toMatchObject([{ code: 'HOOK_FAILED', hook: 'listener', policy: 'prices', cause }]);
  });

  it('(2) are told in the order of listening, also twice to one that listens twice', () => {
    const events = createEvents();
    const order: string[] = [];
    const twice = (): unknown => order.push('twice');
    const stop = events.listen(twice);
    events.listen(() => order.push('once'));
    events.listen(twice);

    events.emit(event);
    stop();
    events.emit(event);

    expect(order).toEqual(['twice', 'once', 'twice', 'once', 'twice']);
  });

  it('(2) one that is added or removed meanwhile takes part from the next event', () => {
    const events = createEvents();
    const order: string[] = [];
    const stops: (() => void)[] = [];
    events.listen(() => {
      order.push('first');
      for (const stop of stops) stop();
      if (order.length === 1) events.listen(() => order.push('late'));
    });
    stops.push(events.listen(() => order.push('removed')));

    events.emit(event);
    expect(order).toEqual(['first', 'removed']);
    events.emit(event);
    expect(order).toEqual(['first', 'removed', 'first', 'late']);
  });
});

describe('silence', () => {
  it('is heard by nobody, and cannot be made to be', () => {
    const seen: PolicyEvent[] = [];
    const stop = silence.listen((each) => seen.push(each));
    silence.emit(event);

    expect(silence.active).toBe(false);
    expect(stop()).toBeUndefined();
    expect(seen).toEqual([]);
    expect(Object.isFrozen(silence)).toBe(true);
  });
});

describe('onHookError', () => {
  it('returns the handler that was set before, and undefined brings back the default', () => {
    const mine = (): void => {};
    const original = onHookError(mine);

    expect(onHookError(undefined)).toBe(mine);
    expect(onHookError(undefined)).toBe(original);
  });

  it('by default writes to console.error, so that a failing hook is not silent', () => {
    const lines: unknown[][] = [];
    const { error } = console;
    console.error = (...line: unknown[]) => void lines.push(line);
    try {
      reportHookError('listener', 'oops', 'prices');
    } finally {
      console.error = error;
    }

    expect(lines).toEqual([['[holdfast] listener of prices failed, and no caller is told of it', 'oops']]);
  });

  it('a handler that throws is dropped', () => {
    onHookError(() => {
      throw new Error('worse');
    });

    expect(() => reportHookError('listener', 'oops')).not.toThrow();
    onHookError(undefined);
  });

  it('(1) reports a listener whose promise rejects, and leaves no rejection behind', async () => {
    const reported: unknown[] = [];
    onHookError(async (error) => {
      reported.push([error.hook, error.policy, error.cause]);
      throw new Error('the handler fails, too');
    });
    const unhandled: unknown[] = [];
    const note = (error: unknown): number => unhandled.push(error);
    process.on('unhandledRejection', note);
    const events = createEvents();
    events.listen(() => Promise.reject(new Error('no disk')));

    events.emit({ type: 'x', policy: 'retry', name: 'prices' });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off('unhandledRejection', note);
    onHookError(undefined);

    expect(reported).toEqual([['listener', 'prices', new Error('no disk')]]);
    expect(unhandled).toEqual([]);
  });
});
