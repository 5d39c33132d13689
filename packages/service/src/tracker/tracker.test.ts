import { AsyncLocalStorage } from 'node:async_hooks';

import {
  type CancellableContext,
  Context,
  type DrainReport,
  contextKey,
  createEvents,
  onHookError,
} from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { type TrackerOptions, createTracker } from './tracker.ts';

const user = contextKey<string>('user');

function subject(options: TrackerOptions = {}) {
  const clock = virtualClock();
  const events = createEvents();
  const heard: string[] = [];
  events.listen(({ type }) => heard.push(type));
  const failures: string[] = [];
  const tracker = createTracker({
    clock,
    events,
    onFailure: (error, { name }) => void failures.push(`${name}: ${String(error)}`),
    ...options,
  });
  return { clock, heard, failures, tracker, root: Context.withClock(clock) };
}

/** Work that ends when it is told to. */
function openWork() {
  const contexts: Context[] = [];
  let finish: () => void = () => {};
  const ended = new Promise<void>((resolve) => (finish = resolve));
  return {
    contexts,
    finish,
    work: (context: Context) => {
      contexts.push(context);
      return ended;
    },
  };
}

describe('createTracker', () => {
  it.each([
    ['returned', () => Promise.resolve()],
    ['failed', () => Promise.reject(new Error('boom'))],
  ])('ends the context of a job that has %s, and leaves no timer', async (_, end) => {
    const { tracker } = subject();
    const contexts: Context[] = [];
    tracker.go('audit', (context) => {
      contexts.push(context);
      return end();
    });
    await settle();

    expect(contexts.map(({ cancelled }) => cancelled)).toEqual([true]);
    expect(tracker.status()).toMatchObject({ running: 0, overdue: 0 });
  });

  it('(1) runs what it has accepted, and a drain waits for it', async () => {
    const { tracker, clock, heard } = subject();
    const { work, finish } = openWork();
    tracker.go('audit', work);
    const draining = tracker.drain();
    await clock.advance(1000);
    expect(tracker.status()).toMatchObject({ state: 'draining', running: 1, oldestAgeMs: 1000 });
    finish();

    expect(await draining).toMatchObject({
      isComplete: true,
      durationMs: 1000,
      finished: [{ name: 'audit', count: 1, failedCount: 0 }],
    });
    expect(tracker.status()).toMatchObject({ state: 'drained', running: 0, started: 1, succeeded: 1 });
    expect(heard).toEqual(['tracker.drained']);
  });

  it('(1) refuses with a typed error, and runs nothing, from the first word of a drain on', async () => {
    const { tracker, heard } = subject();
    const work = vi.fn<() => void>();
    const draining = tracker.drain();

    expect(() => tracker.go('audit', work)).toThrow(
      expect.objectContaining({ name: 'DrainingError', code: 'DRAINING', policy: 'tracker' }) as Error,
    );
    await draining;
    expect(() => tracker.go('audit', work)).toThrow('takes nothing new: audit was not run');
    await settle();
    expect(work).not.toHaveBeenCalled();
    expect(tracker.status().refused).toBe(2);
    expect(heard).toEqual(['tracker.drained', 'tracker.refused', 'tracker.refused']);
  });

  it('(1) refuses one job more than may be under way', async () => {
    const { tracker } = subject({ maxRunning: 1, name: 'mails' });
    const { work, finish } = openWork();
    tracker.go('mail', work);

    expect(() => tracker.go('mail', work)).toThrow(
      expect.objectContaining({ code: 'TRACKER_FULL', maxRunning: 1, policy: 'mails' }) as Error,
    );
    finish();
    await settle();
    expect(() => tracker.go('mail', () => {})).not.toThrow();
  });

  it('(1) names what it had to abandon: names, ages and places, and keeps the cause', async () => {
    const { tracker, clock } = subject({ drainTimeoutMs: 1000, graceMs: 100 });
    const audit = openWork();
    const mail = openWork();
    tracker.go('audit', audit.work);
    await clock.advance(500);
    tracker.go('mail', mail.work);
    tracker.go('mail', mail.work);
    const draining = tracker.drain();
    await clock.advance(1000);

    const report: DrainReport = await draining;
    expect(report.isComplete).toBe(false);
    expect(report.abandoned.map(({ name, ageMs }) => `${name} ${ageMs}`)).toEqual([
      'audit 1500',
      'mail 1000',
      'mail 1000',
    ]);
    expect(report.abandoned.every(({ place }) => place?.includes('tracker.test.ts'))).toBe(true);
    expect(report.error).toMatchObject({ code: 'DRAIN_INCOMPLETE', cause: { name: 'TimeoutError' } });
    expect(report.error?.message).toBe('tracker is drained and left 3 behind: audit, mail (2)');
    audit.finish();
    await settle();
    expect(tracker.status()).toMatchObject({ abandoned: 3, late: 1, succeeded: 0 });
  });

  it('(2) gives a job the values of its context, not its end, and a deadline of its own', async () => {
    const { tracker, clock, root } = subject({ jobTimeoutMs: 200 });
    const request: CancellableContext = root.withValue(user, 'ada').withTimeout(50);
    const { work, contexts, finish } = openWork();
    tracker.go('audit', work, { context: request });
    tracker.go('short', work, { context: request, timeoutMs: 100 });
    request.cancel();
    await settle();

    const [own, short] = contexts as [Context, Context];
    expect(own.value(user)).toBe('ada');
    await clock.advance(99);
    expect([own.cancelled, short.cancelled]).toEqual([false, false]);
    await clock.advance(1);
    expect([own.cancelled, short.endedBy]).toEqual([false, 'deadline']);
    expect(tracker.status()).toMatchObject({ running: 2, overdue: 1 });
    await clock.advance(100);
    expect(own.endedBy).toBe('deadline');
    finish();
  });

  it('(2) cancels a job before the end of the drain, so that it can tidy up', async () => {
    const { tracker, clock } = subject({ drainTimeoutMs: 1000, graceMs: 100 });
    tracker.go('poll', (context) => new Promise((_, reject) => void context.onCancel(reject)));
    await settle();
    const draining = tracker.drain();
    await clock.advance(900);

    expect(await draining).toMatchObject({ isComplete: true, durationMs: 900, finished: [{ failedCount: 1 }] });
  });

  it('(3) runs the work after go has returned, and never throws what it throws', async () => {
    const { tracker, failures } = subject();
    const order: string[] = [];
    tracker.go('sync', () => {
      order.push('work');
      throw new Error('boom');
    });
    order.push('go');
    await settle();

    expect(order).toEqual(['go', 'work']);
    expect(failures).toEqual(['sync: Error: boom']);
  });

  it('(4), charter C3: tells of failures, and goes on when that throws', async () => {
    const reported: string[] = [];
    const before = onHookError(({ hook }) => void reported.push(hook));
    const onFailure = () => {
      throw new Error('hook');
    };
    const { tracker, heard } = subject({ onFailure });
    tracker.go('a', () => Promise.reject(new Error('boom')));
    tracker.go('b', () => {});
    await settle();
    onHookError(before);

    expect(reported).toEqual(['onFailure']);
    expect(heard).toEqual(['tracker.failed']);
    expect(tracker.status()).toMatchObject({ started: 2, failed: 1, succeeded: 1 });
  });

  it('(4) prints failures where nobody asks for them', async () => {
    const reported: string[] = [];
    const before = onHookError(({ hook, policy, cause }) => void reported.push(`${hook} ${policy} ${String(cause)}`));
    createTracker().go('audit', () => Promise.reject(new Error('boom')));
    await settle();
    onHookError(before);

    expect(reported).toEqual(['audit tracker Error: boom']);
  });

  it('charter R3: a job runs in the async context of who started it', async () => {
    const request = new AsyncLocalStorage<string>();
    const { tracker } = subject();
    const seen: (string | undefined)[] = [];
    for (const name of ['ada', 'bob'])
      request.run(name, () => tracker.go('audit', () => seen.push(request.getStore())));
    await settle();

    expect(seen).toEqual(['ada', 'bob']);
  });

  it('tracks promises that were made elsewhere, also while it drains, and returns them', async () => {
    const { tracker, failures } = subject();
    let reject: (error: Error) => void = () => {};
    const promise = new Promise<void>((_, settleWith) => (reject = settleWith));
    promise.catch(() => {});
    const other = tracker.track('warm up', promise);
    expect(other).toBe(promise);
    const draining = tracker.drain();
    void tracker.track('second', Promise.resolve());
    reject(new Error('boom'));

    expect((await draining).finished.map(({ name, failedCount }) => `${name} ${failedCount}`).toSorted()).toEqual([
      'second 0',
      'warm up 1',
    ]);
    expect(failures).toEqual(['warm up: Error: boom']);
    expect(() => tracker.track('late', Promise.resolve())).toThrow('takes nothing new');
  });

  it('drains when its block is left, and waits for ever where it may', async () => {
    const { tracker, clock, root } = subject({ jobTimeoutMs: Infinity });
    const { work, finish } = openWork();
    tracker.go('long', work);
    const draining = tracker.drain(root);
    await clock.advance(1e9);
    expect(tracker.status().state).toBe('draining');
    finish();
    expect((await draining).isComplete).toBe(true);
    await tracker[Symbol.asyncDispose]();
  });

  it('abandons at once with no time at all', async () => {
    const { tracker } = subject({ drainTimeoutMs: 0 });
    tracker.go('mail', openWork().work);

    expect(await tracker.drain()).toMatchObject({ isComplete: false, durationMs: 0 });
  });

  it.each([
    [{ name: '' }, 'tracker.name must be a non-empty string'],
    [{ maxRunning: 0 }, 'tracker.maxRunning must be an integer from 1'],
    [{ maxRunning: Infinity }, 'tracker.maxRunning must be an integer'],
    [{ jobTimeoutMs: 0 }, 'tracker.jobTimeoutMs must be a number from 1'],
    [{ drainTimeoutMs: -1 }, 'tracker.drainTimeoutMs must be a number from 0'],
    [{ graceMs: Number.NaN }, 'tracker.graceMs must be a number from 0'],
    [{ placeRatio: 2 }, 'tracker.placeRatio must be a number from 0 to 1'],
    [{ onFailure: 1 }, 'tracker.onFailure must be a function'],
    [{ timeout: 1 }, 'tracker has no option "timeout"'],
  ])('refuses the options %j', (options, message) => {
    expect(() => createTracker(options as TrackerOptions)).toThrow(message);
  });

  it.each([
    [['', () => {}], 'tracker.go name must be a non-empty string'],
    [['a', undefined], 'tracker.go work must be a function'],
    [['a', () => {}, { context: {} }], 'tracker.go needs a Context'],
    [['a', () => {}, { timeoutMs: 0 }], 'tracker.go.timeoutMs must be a number from 1'],
    [['a', () => {}, null], 'tracker.go must be an object of options'],
    [['a', () => {}, { signal: 1 }], 'tracker.go has no option "signal"'],
  ])('refuses the job %j', (job, message) => {
    const { tracker } = subject();
    const go = tracker.go.bind(tracker) as (...job: unknown[]) => void;

    expect(() => go(...job)).toThrow(message);
    expect(() => tracker.drain(new AbortController().signal as never)).toThrow('tracker.drain needs a Context');
    expect(() => tracker.track('a', 1 as never)).toThrow('tracker.track promise must be a promise');
    expect(tracker.status().started).toBe(0);
  });
});
