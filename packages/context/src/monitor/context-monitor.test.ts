import { type CancellableContext, Context, contextKey, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { defineContextSchema } from '../schema/context-schema.ts';
import { type ContextLeak, type ContextMonitorOptions, createContextMonitor } from './context-monitor.ts';

let clock = virtualClock();
let root: CancellableContext;
beforeEach(() => {
  clock = virtualClock();
  root = Context.withClock(clock).withCancel();
});

const monitorOf = (options: ContextMonitorOptions = {}) => createContextMonitor({ clock, ...options });

describe('a context monitor', () => {
  it('counts what is open, and what was opened', async () => {
    const monitor = monitorOf();
    const [one, two] = [monitor.track(root.withCancel()), monitor.track(root.withTimeout(100))];
    monitor.track(root.withTimeout(5000));
    expect(monitor.snapshot()).toMatchObject({ openedCount: 3, openCount: 3, endlessCount: 1, leakCount: 0 });

    one.cancel();
    expect(monitor.snapshot().openCount).toBe(2);
    await clock.advance(100);
    expect([two.cancelled, monitor.snapshot().openCount]).toEqual([true, 1]);
    root.cancel();
    expect(monitor.snapshot()).toMatchObject({ openedCount: 3, openCount: 0 });
  });

  it('measures how large they are, and how long they may live', () => {
    const schema = defineContextSchema({ version: '1.0', fields: { user: { type: 'text' }, n: { type: 'integer' } } });
    const monitor = monitorOf({ schema });
    monitor.track(root);
    monitor.track(root.withTimeout(500).withValue(schema.keys.user, 'x'.repeat(50)).withValue(schema.keys.n, 7));
    monitor.track(root.withTimeout(600_000).withValue(contextKey('other'), 'x'.repeat(5000)));

    const { sizeBytes, ttlSeconds } = monitor.snapshot();
    expect([sizeBytes.count, sizeBytes.sum]).toEqual([3, 56]);
    expect([ttlSeconds.count, ttlSeconds.sum]).toEqual([2, 600.5]);
    expect(Object.fromEntries(ttlSeconds.bounds.map((bound, at) => [bound, ttlSeconds.counts[at]]))).toMatchObject({
      0.25: 0,
      0.5: 1,
      300: 1,
      Infinity: 2,
    });
    expect(monitorOf().snapshot().sizeBytes.count).toBe(0);
  });

  it('(1): tells once of a context without a deadline that nobody ends, with the place where it was opened', async () => {
    const leaks: ContextLeak[] = [];
    const monitor = monitorOf({ maxAgeMs: 1000, originRatio: 1, onLeak: (leak) => leaks.push(leak) });
    function forgetfulJob(): void {
      monitor.track(root.withCancel(), 'nightly job');
    }
    forgetfulJob();
    monitor.track(root.withTimeout(1_000_000), 'long, but with a deadline');
    const ended = monitor.track(root.withCancel());

    await clock.advance(1000);
    ended.cancel();
    expect(monitor.snapshot()).toMatchObject({ leakCount: 0, openCount: 2 });
    await clock.advance(1);
    expect(monitor.snapshot()).toMatchObject({ leakCount: 1, openCount: 1 });
    expect(monitor.snapshot().leaks).toEqual(leaks);
    expect(leaks).toEqual([
      { name: 'nightly job', openForMs: 1001, origin: expect.stringContaining('forgetfulJob') as string },
    ]);
  });

  it('finds leaks without being asked, as others are opened', async () => {
    const leaks: ContextLeak[] = [];
    const monitor = monitorOf({ maxAgeMs: 1000, originRatio: 0, onLeak: (leak) => leaks.push(leak) });
    monitor.track(root.withCancel());

    await clock.advance(2000);
    monitor.track(root.withCancel()).cancel();

    expect(leaks).toEqual([{ name: 'context', openForMs: 2000, origin: undefined }]);
  });

  it('keeps the last ten leaks, and finds none where maxAgeMs is Infinity', async () => {
    const [monitor, trusting] = [monitorOf({ maxAgeMs: 1 }), monitorOf({ maxAgeMs: Infinity })];
    for (let number = 0; number < 15; number++) monitor.track(root.withCancel(), `job ${number}`);
    trusting.track(root.withCancel());

    await clock.advance(1e9);

    const { leaks, leakCount } = monitor.snapshot();
    expect([leakCount, leaks.length, new Set(leaks).size]).toEqual([15, 10, 10]);
    expect(trusting.snapshot()).toMatchObject({ leakCount: 0, openCount: 1 });
  });

  it('remembers the place of a share of them', async () => {
    const draws = [0.5, 0.1, 0.9, 0.2];
    const monitor = monitorOf({ maxAgeMs: 1, originRatio: 0.2, random: () => draws.shift() as number });
    for (let number = 0; number < 4; number++) monitor.track(root.withCancel());
    await clock.advance(10);

    expect(monitor.snapshot().leaks.filter(({ origin }) => origin !== undefined)).toHaveLength(1);
  });

  it('watches at most maxOpen, and counts the rest', () => {
    const monitor = monitorOf({ maxOpen: 2 });
    const contexts = [1, 2, 3].map(() => monitor.track(root.withCancel()));
    expect(monitor.snapshot()).toMatchObject({ openCount: 2, openedCount: 3, unwatchedCount: 1 });

    contexts[0]?.cancel();
    contexts[1]?.cancel();
    monitor.track(root.withCancel());
    expect(monitor.snapshot()).toMatchObject({ openCount: 1, openedCount: 4, unwatchedCount: 1 });
    expect(monitorOf({ maxOpen: 0 }).track(root)).toBe(root);
  });

  it('(2): hooks nothing to a context, and sets no timer', () => {
    const hooked: unknown[] = [];
    const context = Object.assign(Object.create(root.withTimeout(5000)) as CancellableContext, {
      onCancel: () => hooked.push('onCancel'),
    });
    Object.defineProperty(context, 'signal', { get: () => hooked.push('signal') });
    const monitor = monitorOf({ originRatio: 1 });
    monitor.track(context);
    monitor.snapshot();

    expect([hooked, clock.pendingCount]).toEqual([[], 0]);
  });

  it('(3): is not disturbed by a hook that throws or rejects', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook, cause }) => reported.push(hook, cause));
    const monitors = [() => { throw 'sync'; }, async () => { throw 'async'; }].map((onLeak) => monitorOf({ maxAgeMs: 1, onLeak })); // prettier-ignore
    for (const monitor of monitors) monitor.track(root.withCancel());
    await clock.advance(10);

    for (const monitor of monitors) expect(monitor.snapshot().leakCount).toBe(1);
    await Promise.resolve();
    onHookError(before);
    expect(reported).toEqual(['onLeak', 'sync', 'onLeak', 'async']);
  });

  it.each<[kind: string, random: () => number]>([
    ['throws', () => { throw 'oops'; }], // prettier-ignore
    ['gives NaN', () => NaN],
  ])('(3): is not disturbed by a random that %s', async (_kind, random) => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook, policy }) => reported.push([hook, policy]));
    const monitor = monitorOf({ name: 'requests', maxAgeMs: 1, originRatio: 1, random });
    const context = root.withCancel();

    expect(monitor.track(context)).toBe(context);
    onHookError(before);
    await clock.advance(10);
    expect(monitor.snapshot().leaks).toMatchObject([{ origin: expect.any(String) }]);
    expect(reported).toEqual([['random', 'requests']]);
  });

  it.each<[message: string, options: object]>([
    ['monitor.name must be a non-empty string', { name: '' }],
    ['monitor.schema must be what defineContextSchema returns', { schema: {} }],
    ['monitor.maxAgeMs must be a number from 1', { maxAgeMs: 0 }],
    ['monitor.originRatio must be a number from 0 to 1', { originRatio: 2 }],
    ['monitor.maxOpen must be an integer from 0', { maxOpen: Infinity }],
    ['monitor.onLeak must be a function', { onLeak: true }],
    ['monitor has no option "ttl"', { ttl: 5 }],
  ])('%s: %j', (message, options) => {
    expect(() => createContextMonitor(options)).toThrow(message);
    expect(() => monitorOf().track(undefined as never)).toThrow('track needs a Context');
  });
});
