import { type Context, createEvents, onHookError } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { ChildExitError, type CrashReport, type SupervisedRun } from './supervised-body.ts';
import { type SuperviseOptions, supervise } from './supervise.ts';

const boom = new Error('boom');

/** A supervisor of a body that does what the test says, run by run; it runs until its context ends when nothing is said. */
function subject(runs: readonly (() => unknown)[], options: SuperviseOptions = {}) {
  const clock = virtualClock();
  const crashes: CrashReport[] = [];
  const seen: { readonly at: number; readonly run: SupervisedRun; readonly context: Context }[] = [];
  const supervisor = supervise(
    'outbox',
    (context, run) => {
      seen.push({ at: clock.now(), run, context });
      return runs[seen.length - 1]?.() ?? new Promise((resolve) => void context.onCancel(resolve));
    },
    { clock, random: () => 0.5, onCrash: (report) => void crashes.push(report), ...options },
  );
  return { clock, crashes, seen, supervisor };
}

const fail = (): never => {
  throw boom;
};

describe('supervise', () => {
  it('reports what a run throws while it is drained, unless that is only that it was asked to end', async () => {
    const reported: unknown[] = [];
    const before = onHookError(({ cause, hook, policy }) => void reported.push([hook, policy, cause]));
    const asked: ((context: Context) => unknown)[] = [
      () => boom,
      (context) => context.cause,
      () => new DOMException('left', 'AbortError'),
      () => new ChildExitError(undefined, 'SIGTERM'),
    ];
    for (const answer of asked) {
      const world: ReturnType<typeof subject> = subject([
        () =>
          new Promise((_, reject) => {
            const context = world.seen[0]?.context as Context;
            context.onCancel(() => reject(answer(context)));
          }),
      ]);
      world.supervisor.start();
      await settle();
      expect(await world.supervisor.drain()).toMatchObject({ isComplete: true });
      expect(world.crashes).toEqual([]);
    }
    await settle();
    onHookError(before);

    expect(reported).toEqual([['body', 'outbox', boom]]);
  });

  it('ends the context of a run when the run has ended, however that was', async () => {
    const { supervisor, seen, clock } = subject([fail, () => 'returned']);
    supervisor.start();
    await clock.advance(1000);

    expect(seen.map(({ context }) => context.cancelled)).toEqual([true, true, false]);
    expect(seen[0]?.context.cause).toMatchObject({ message: 'the work of outbox has ended' });
    await supervisor.drain();
  });

  it('(1), (2) restarts what fails within its backoff, which grows until a run was healthy', async () => {
    const late = (ms: number, on: () => ReturnType<typeof subject>) => () =>
      new Promise((_, reject) => void on().clock.setTimer(() => reject(boom), ms));
    const world: ReturnType<typeof subject> = subject(
      [fail, fail, late(100, () => world), late(60_000, () => world), fail],
      {
        maxRestarts: 100,
      },
    );
    world.supervisor.start();
    world.supervisor.start();
    await world.clock.advance(70_000);

    // Delays of at most 100, 200, 400, and again 100 and 200 ms, of which the dice give half.
    expect(world.seen.map(({ at }) => at)).toEqual([0, 50, 150, 450, 60_500, 60_600]);
    expect(world.crashes.map(({ restartInMs }) => restartInMs)).toEqual([50, 100, 200, 50, 100]);
    expect(world.crashes[0]).toEqual({
      name: 'outbox',
      run: 1,
      kind: 'failed',
      error: boom,
      ranForMs: 0,
      isAbandoned: false,
      verdict: 'restart',
      restartInMs: 50,
      lastOutput: [],
    });
    expect(world.seen[1]?.run).toMatchObject({ number: 2, lastCrash: world.crashes[0] });
    expect(world.supervisor.status()).toMatchObject({ state: 'running', runs: 6, crashes: 5 });
  });

  it.each([
    ['permanent', 'returned', 2, 'running'],
    ['transient', 'returned', 1, 'done'],
    ['temporary', 'returned', 1, 'done'],
    ['permanent', 'failed', 2, 'running'],
    ['transient', 'failed', 2, 'running'],
    ['temporary', 'failed', 1, 'done'],
  ] as const)('%s: what has %s has run %i times and is %s', async (restart, kind, count, state) => {
    const onGiveUp = vi.fn<() => void>();
    const { seen, supervisor, clock, crashes } = subject([kind === 'failed' ? fail : () => 'over'], {
      restart,
      onGiveUp,
    });
    supervisor.start();
    await clock.advance(1000);

    expect(seen).toHaveLength(count);
    expect(supervisor.status().state).toBe(state);
    expect(crashes.map((crash) => crash.kind)).toEqual(state === 'done' && kind === 'returned' ? [] : [kind]);
    expect(onGiveUp).not.toHaveBeenCalled();
  });

  it('(3) recognises a crash loop: safe mode first, and then it gives up for good', async () => {
    const onGiveUp = vi.fn<(report: CrashReport) => void>();
    const events = createEvents();
    const types: string[] = [];
    events.listen(({ type }) => types.push(type));
    const { seen, supervisor, clock, crashes } = subject(
      Array.from({ length: 20 }, () => fail),
      {
        onGiveUp,
        events,
        maxRestarts: 4,
      },
    );
    supervisor.start();
    await clock.advance(60_000);

    expect(seen.map(({ run }) => run.isSafeMode)).toEqual([false, false, false, true, true]);
    expect(crashes.map(({ verdict }) => verdict)).toEqual(['restart', 'restart', 'safe-mode', 'safe-mode', 'give-up']);
    expect(crashes.at(-1)?.restartInMs).toBeUndefined();
    expect(onGiveUp.mock.calls).toEqual([[crashes.at(-1)]]);
    expect(types.slice(-2)).toEqual(['supervise.crashed', 'supervise.gave-up']);
    expect(supervisor.status()).toMatchObject({ state: 'gave-up', isSafeMode: false, restartInMs: undefined });
    expect(await supervisor.drain()).toMatchObject({ isComplete: true });
    expect(supervisor.status().state).toBe('gave-up');
    expect(clock.pendingCount).toBe(0);
  });

  it('(3) allows none where none is allowed', async () => {
    const { seen, supervisor, clock } = subject([fail], { maxRestarts: 0 });
    supervisor.start();
    await clock.advance(1000);

    expect({ runs: seen.length, state: supervisor.status().state }).toEqual({ runs: 1, state: 'gave-up' });
  });

  it('(1) takes what gives no sign of life for crashed, ends its context and starts it anew', async () => {
    const { seen, supervisor, clock, crashes } = subject([], { stallAfterMs: 1000 });
    supervisor.start();
    await clock.advance(600);
    seen[0]?.run.beat();
    await clock.advance(999);
    expect(crashes).toEqual([]);
    await clock.advance(1);

    expect(crashes[0]).toMatchObject({
      kind: 'stalled',
      isAbandoned: false,
      ranForMs: 1600,
      error: { code: 'STALLED', stallAfterMs: 1000, message: 'outbox has not given a sign of life for 1000 ms' },
    });
    expect(seen[0]?.context.cause).toBe(crashes[0]?.error);
    await clock.advance(50);
    expect(seen).toHaveLength(2);
    await supervisor.drain();
    await settle();
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) abandons what is stuck and does not heed the end of its context, and says so', async () => {
    const { seen, supervisor, clock, crashes } = subject([() => new Promise(() => {})], {
      stallAfterMs: 1000,
      abandonAfterMs: 500,
    });
    supervisor.start();
    await clock.advance(1499);
    expect(crashes).toEqual([]);
    await clock.advance(51);

    expect(crashes[0]).toMatchObject({ kind: 'stalled', isAbandoned: true });
    expect(seen).toHaveLength(2);
    const draining = supervisor.drain();
    await clock.advance(500);
    expect((await draining).abandoned).toEqual([{ name: 'outbox', ageMs: 2050, place: undefined }]);
  });

  it('(4) ends the run under way and starts no other', async () => {
    const { seen, supervisor, clock, crashes } = subject([]);
    supervisor.start();
    await settle();
    const report = await supervisor.drain();
    await clock.advance(100_000);

    expect(report).toMatchObject({ isComplete: true, finished: [{ name: 'outbox', count: 1 }] });
    expect(seen[0]?.context.cause).toMatchObject({ code: 'CANCELLED', message: 'outbox is being stopped' });
    expect({ runs: seen.length, crashes, state: supervisor.status().state }).toEqual({
      runs: 1,
      crashes: [],
      state: 'stopped',
    });
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) starts no other while it waits, or before it has begun', async () => {
    const waiting = subject([fail]);
    waiting.supervisor.start();
    await settle();
    expect(waiting.supervisor.status()).toMatchObject({ state: 'waiting', restartInMs: 50 });
    await waiting.supervisor.drain();
    await waiting.clock.advance(1000);
    expect(waiting.seen).toHaveLength(1);

    const early = subject([]);
    await early.supervisor.drain();
    early.supervisor.start();
    await settle();
    expect(early.seen).toHaveLength(0);
  });

  it('(5), charter C3, C5: goes on when a hook throws, or the dice do', async () => {
    const reported: string[] = [];
    const before = onHookError(({ hook, policy }) => void reported.push(`${hook} of ${policy}`));
    const { seen, supervisor, clock } = subject([fail], { onCrash: fail, random: fail });
    supervisor.start();
    await clock.advance(100);
    onHookError(before);

    expect(seen).toHaveLength(2);
    expect(reported).toEqual(['random of outbox', 'onCrash of outbox']);
  });

  it('is a component of a lifecycle', () => {
    const { supervisor } = subject([], { dependsOn: ['database'] });

    expect(supervisor).toMatchObject({ name: 'outbox', dependsOn: ['database'] });
  });

  it.each([
    [{ restart: 'always' }, 'supervise.outbox.restart must be one of "permanent", "transient", "temporary"'],
    [{ maxRestarts: -1 }, 'supervise.outbox.maxRestarts must be an integer from 0'],
    [{ withinMs: 0 }, 'supervise.outbox.withinMs must be a number from 1'],
    [{ safeModeAfterCount: 0 }, 'supervise.outbox.safeModeAfterCount must be a number from 1'],
    [{ baseDelayMs: -1 }, 'supervise.outbox.baseDelayMs must be a number from 0'],
    [{ baseDelayMs: 100, maxDelayMs: 50 }, 'supervise.outbox.maxDelayMs must be a number from 100'],
    [{ healthyAfterMs: -1 }, 'supervise.outbox.healthyAfterMs must be a number from 0'],
    [{ stallAfterMs: 0 }, 'supervise.outbox.stallAfterMs must be a number from 1'],
    [{ abandonAfterMs: -1 }, 'supervise.outbox.abandonAfterMs must be a number from 0'],
    [{ dependsOn: 'a' }, 'supervise.outbox.dependsOn must be names of components'],
    [{ onCrash: 1 }, 'supervise.outbox.onCrash must be a function'],
    [{ onGiveUp: 1 }, 'supervise.outbox.onGiveUp must be a function'],
    [{ limit: 1 }, 'supervise.outbox has no option "limit"'],
  ])('refuses the options %j', async (options, message) => {
    expect(() => supervise('outbox', () => {}, options as SuperviseOptions)).toThrow(message);
    expect(() => supervise('', () => {})).toThrow('supervise name must be a non-empty string');
    await expect(supervise('a', () => {}).drain(1 as never)).rejects.toThrow('a.drain needs a Context');
    expect(() => supervise('a', 1 as never)).toThrow('supervise body must be a function');
  });
});
