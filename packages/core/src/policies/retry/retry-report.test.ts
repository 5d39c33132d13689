import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createEvents } from '../../kernel/events.ts';
import type { HookError } from '../../kernel/errors.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { type RetryOptions, retry, retryDefaults, retryKind, retryRules } from './retry.ts';
import { retryAfterOfError } from './retry-delay.ts';

describe('what a retry reports', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  /** Runs an operation that fails twice; returns the events and the waits. */
  async function run(options: RetryOptions, fails: () => unknown = () => Promise.reject(new Error('down'))) {
    const clock = virtualClock();
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = retry({ name: 'prices', clock, events, random: () => 0.5, baseDelayMs: 100, ...options });
    let tries = 0;
    const call = settled(policy.execute(() => (++tries < 3 ? fails() : 'done')));
    await clock.runAll();
    await call;
    await settle(); // a rejection that nobody took would fail the run
    return { told: recorder.events, tries, policy };
  }

  it('are its events, with all that they promise, of errors and of values', async () => {
    const error = new Error('down');
    const base = { policy: 'retry', name: 'prices', enforcement: 'enforce' };
    const byError = await run({ maxAttempts: 2 }, () => Promise.reject(error));
    const byValue = await run({ maxAttempts: 2, classify: () => 'failure' }, () => 'bad');

    expect(byError.told).toEqual([
      { ...base, type: 'retry.scheduled', attempt: 1, delayMs: 50, error, value: undefined },
      { ...base, type: 'retry.gave-up', reason: 'attempts', attempt: 2, error, value: undefined },
    ]);
    expect(byValue.told).toEqual([
      { ...base, type: 'retry.scheduled', attempt: 1, delayMs: 50, error: undefined, value: 'bad' },
      { ...base, type: 'retry.gave-up', reason: 'attempts', attempt: 2, error: undefined, value: 'bad' },
    ]);
  });

  it.each<[string, RetryOptions, string]>([
    [
      'retryAfterMs',
      { retryAfterMs: () => -5 },
      'TypeError: retryAfterMs must return milliseconds, 0 or more, or undefined, got -5',
    ],
    [
      'retryAfterMs',
      { retryAfterMs: () => Promise.reject(new Error('async')) as never },
      'TypeError: retryAfterMs must return milliseconds, 0 or more, or undefined, got object',
    ],
    ['backoff', { backoff: () => Number.NaN }, 'TypeError: backoff must return milliseconds, 0 or more, got NaN'],
    [
      'backoff',
      { backoff: () => Promise.reject(new Error('async')) as never },
      'TypeError: backoff must return milliseconds, 0 or more, got object',
    ],
    ['random', { random: () => 1 }, 'RangeError: random must return a number from 0 to 1, 1 excluded'],
    ['random', { random: () => -0.1 }, 'RangeError: random must return a number from 0 to 1, 1 excluded'],
  ])('is what is wrong with the hook %s', async (hook, options, cause) => {
    const { tries } = await run(options);

    expect(tries).toBe(3);
    expect(hookErrors).toHaveLength(2);
    expect(hookErrors[0]).toMatchObject({ hook, policy: 'prices' });
    expect(String(hookErrors[0]?.cause)).toBe(cause);
  });

  it.each<[RetryOptions]>([
    [{ backoff: () => 0 }],
    [{ random: () => 0 }],
    [{ retryAfterMs: () => 0 }],
    [{ backoff: 'fixed' }],
    [{ backoff: 'exponential' }],
  ])('is nothing where a hook answers at the ends of its range: %j', async (options) => {
    await run(options);

    expect(hookErrors).toEqual([]);
  });

  it.each([
    [{ status: 'fulfilled', value: { retryAfterMs: 5 } }, undefined],
    [{ status: 'rejected', error: undefined }, undefined],
    [{ status: 'rejected', error: null }, undefined],
    [{ status: 'rejected', error: 'soon' }, undefined],
    [{ status: 'rejected', error: Object.assign(() => {}, { retryAfterMs: 5 }) }, undefined],
    [{ status: 'rejected', error: {} }, undefined],
    [{ status: 'rejected', error: { retryAfterMs: '5' } }, undefined],
    [{ status: 'rejected', error: { retryAfterMs: -1 } }, undefined],
    [{ status: 'rejected', error: { retryAfterMs: 0 } }, 0],
    [{ status: 'rejected', error: { retryAfterMs: 5 } }, 5],
  ] as const)('charter H5: an outcome asks for a wait by its error alone: %j', (outcome, asked) => {
    expect(retryAfterOfError(outcome)).toBe(asked);
  });

  it('has a kind for configuration', () => {
    expect(retryKind).toEqual({
      kind: 'retry',
      rules: retryRules,
      required: [],
      defaults: retryDefaults,
      create: retry,
    });
    expect(retry().kind).toBe('retry');
  });
});
