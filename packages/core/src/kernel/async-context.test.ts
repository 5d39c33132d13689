import { AsyncLocalStorage } from 'node:async_hooks';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type CaptureAsyncContext, bindAsyncContext, captureWith } from './async-context.ts';
import { Context } from './context.ts';
import type { HookError } from './errors.ts';
import { onHookError } from './hooks.ts';

describe('async context', () => {
  it('charter R3: an operation that is bound runs in that of its call, with the context and result of its run', () => {
    const tenant = new AsyncLocalStorage<string>();
    const operation = (context: Context) => [tenant.getStore(), context] as const;
    const bound = tenant.run('one', () => bindAsyncContext(operation, () => AsyncLocalStorage.snapshot()));
    const context = Context.background.withCancel();

    expect(tenant.run('other', () => operation(context))).toEqual(['other', context]);
    expect(tenant.run('other', () => bound(context))).toEqual(['one', context]);
  });

  it('is not captured, and the operation is the very one, where there is nothing to capture with', () => {
    const operation = () => 1;

    expect(bindAsyncContext(operation, undefined)).toBe(operation);
  });
});

describe('charter C5: an async context that cannot be captured, or not be run in', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const reported = (): unknown[] => hookErrors.map(({ hook, policy }) => [hook, policy]);

  it.each<[string, () => unknown]>([
    ['throws', () => JSON.parse('{')],
    ['returns no function', () => 'context'],
  ])('is none where the capture %s', (_how, capture) => {
    const operation = (): number => 1;

    expect(captureWith(capture as CaptureAsyncContext, 'prices')).toBeUndefined();
    expect(bindAsyncContext(operation, capture as CaptureAsyncContext, 'prices')).toBe(operation);
    expect(reported()).toEqual([
      ['captureAsyncContext', 'prices'],
      ['captureAsyncContext', 'prices'],
    ]);
  });

  it.each<[string, (fn: () => unknown) => unknown]>([
    ['throws before it runs the function', () => JSON.parse('{')],
    ['throws after it ran the function', (fn) => [fn(), JSON.parse('{')]],
    ['does not run the function', () => undefined],
  ])('(1) runs the function once, and reports, where the run %s', (_how, run) => {
    let runs = 0;
    const runInContext = captureWith((() => run) as CaptureAsyncContext, 'prices');

    expect(runInContext?.(() => ++runs)).toBe(1);
    expect(runs).toBe(1);
    expect(reported()).toEqual([['captureAsyncContext', 'prices']]);
  });

  it('(1) runs the function once where the run runs it twice, or gives something else', () => {
    let runs = 0;
    const run = (fn: () => unknown): unknown => [fn(), fn()];

    expect(captureWith((() => run) as CaptureAsyncContext)?.(() => ++runs)).toBe(1);
    expect(runs).toBe(1);
    expect(reported()).toEqual([]);
  });

  it('(1) passes on what the function throws, by identity, and reports nothing', () => {
    const thrown = { anything: true };
    const bound = bindAsyncContext(
      () => {
        throw thrown;
      },
      () => AsyncLocalStorage.snapshot(),
    );
    let caught: unknown;
    try {
      bound(Context.background);
    } catch (error) {
      caught = error;
    }

    expect(caught).toBe(thrown);
    expect(reported()).toEqual([]);
  });
});
