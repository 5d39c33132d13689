import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { Context } from './context.ts';
import type { DrainReport } from './drain-report.ts';
import { type InFlight, type RunInFlight, createInFlight } from './in-flight.ts';

const clock = virtualClock();
const root = Context.withClock(clock);

function subject(graceMs = 100): {
  readonly inFlight: InFlight;
  readonly reports: DrainReport[];
  readonly begin: (name: string) => RunInFlight;
} {
  const reports: DrainReport[] = [];
  const inFlight = createInFlight({
    name: 'tracker',
    clock,
    graceMs,
    placeOf: (name) => `at ${name}`,
    onDrained: (report) => void reports.push(report),
  });
  const begin = (name: string): RunInFlight => inFlight.begin(name, root.withCancel());
  return { inFlight, reports, begin };
}

describe('in flight', () => {
  it('(1) counts each run once, as finished or as abandoned', async () => {
    const { inFlight, reports, begin } = subject();
    const early = begin('early');
    inFlight.end(early, false); // before the drain: nobody waits for it
    const good = begin('mail');
    const bad = begin('mail');
    const stuck = begin('stuck');

    const draining = inFlight.drain(root.withTimeout(1000));
    expect([inFlight.end(good, false), inFlight.end(good, false), inFlight.end(bad, true)]).toEqual([
      true,
      false,
      true,
    ]);
    await clock.advance(1000);
    const report = await draining;

    expect(inFlight.end(stuck, false)).toBe(false);
    expect(report.finished).toEqual([{ name: 'mail', count: 2, failedCount: 1 }]);
    expect(report.abandoned).toEqual([{ name: 'stuck', ageMs: 1000, place: 'at stuck' }]);
    expect(reports).toEqual([report]);
  });

  it('(1) what ends at the very moment when it is abandoned is abandoned alone', async () => {
    const { inFlight, begin } = subject();
    const run = begin('mail');
    const inTime: boolean[] = [];
    run.context.onCancel(() => void inTime.push(inFlight.end(run, true)));

    expect(await inFlight.drain(root.withTimeout(0))).toMatchObject({ finished: [], abandoned: [{ name: 'mail' }] });
    expect(inTime).toEqual([false]);
  });

  it('(2) a drain ends at once when nothing is under way, and with the last run otherwise', async () => {
    const { inFlight, begin } = subject();
    const run = begin('mail');
    const draining = inFlight.drain(root.withTimeout(1000));
    await clock.advance(300);
    inFlight.end(run, false);

    expect(await draining).toMatchObject({ isComplete: true, durationMs: 300, abandoned: [], error: undefined });
    expect(await subject().inFlight.drain(root)).toMatchObject({ isComplete: true, durationMs: 0 });
    expect(inFlight.state).toBe('drained');
  });

  it('(2) several drains are one, and end with the first of their contexts', async () => {
    const { inFlight, begin } = subject();
    begin('stuck');
    const first = inFlight.drain(root.withTimeout(1000));
    const second = inFlight.drain(root.withTimeout(200));
    await clock.advance(200);

    expect(await second).toBe(await first);
    expect(await inFlight.drain(root)).toBe(await first);
    expect(clock.pendingCount).toBe(0);
  });

  it('(2) a context that has ended, or is cancelled, ends the drain with its cause', async () => {
    const cause = new Error('now');
    const { inFlight, begin } = subject();
    const run = begin('stuck');
    const context = root.withCancel();
    const draining = inFlight.drain(context);
    context.cancel(cause);

    const { error } = await draining;
    expect(error).toMatchObject({ code: 'DRAIN_INCOMPLETE', policy: 'tracker', cause });
    expect(error?.message).toBe('tracker is drained and left 1 behind: stuck');
    expect(run.context.cancelled).toBe(true);
  });

  it.each([
    [100, 1000, 900],
    [500, 1000, 800], // a fifth at most
    [0, 1000, 1000],
  ])(
    '(3) with %s ms of grace in %s ms the rest is cancelled after %s ms',
    async (graceMs, limitMs, cancelledAfterMs) => {
      const { inFlight, begin } = subject(graceMs);
      const { context } = begin('stuck');
      void inFlight.drain(root.withTimeout(limitMs));

      await clock.advance(cancelledAfterMs - 1);
      expect(context.cancelled).toBe(false);
      await clock.advance(1);
      expect(context.cause).toMatchObject({ code: 'CANCELLED', policy: 'tracker' });
      await clock.advance(limitMs);
    },
  );

  it('(3) what tidies up in time is finished, not abandoned', async () => {
    const { inFlight, begin } = subject();
    const run = begin('mail');
    run.context.onCancel(() => void inFlight.end(run, true));
    const draining = inFlight.drain(root.withTimeout(1000));
    await clock.advance(1000);

    expect(await draining).toMatchObject({ isComplete: true, finished: [{ name: 'mail', count: 1, failedCount: 1 }] });
  });

  it('(3) cancels the newest first, and says by the cause that it was a drain', () => {
    const { inFlight, begin } = subject();
    const cancelled: string[] = [];
    const [running, waiting] = [begin('running'), begin('waiting')];
    for (const run of [running, waiting])
      run.context.onCancel((cause) => void cancelled.push(`${run.name}: ${String(inFlight.isDrainCause(cause))}`));
    void inFlight.drain(root.withTimeout(0));

    expect(cancelled).toEqual(['waiting: true', 'running: true']);
    expect(inFlight.isDrainCause(new Error('other'))).toBe(false);
    expect(subject().inFlight.isDrainCause(running.context.cause)).toBe(false); // another's
  });

  it('(4) ends the context of a run when the run has ended, also where that was abandoned', () => {
    const { inFlight, begin } = subject();
    const [ended, other] = [begin('ended'), begin('other')];
    inFlight.end(ended, false);
    expect(ended.context).toMatchObject({ cancelled: true, cause: { message: 'the work of tracker has ended' } });
    expect(other.context.cancelled).toBe(false);
    void inFlight.drain(root.withTimeout(0));
    expect(inFlight.end(other, false)).toBe(false);
    expect(other.context.cause).toMatchObject({ message: 'tracker is being drained' });
  });

  it('(4) ends the context of a run that goes on under another, which a drain cancels in its place', async () => {
    const { inFlight, begin } = subject();
    const run = begin('mail');
    const [first, next] = [run.context, root.withCancel()];
    inFlight.goOn(run, next);
    expect([first.cancelled, next.cancelled, run.context === next]).toEqual([true, false, true]);
    const draining = inFlight.drain(root.withTimeout(1000));
    await clock.advance(900);
    expect(inFlight.isDrainCause(next.cause)).toBe(true);
    expect(inFlight.end(run, false)).toBe(true);

    expect(await draining).toMatchObject({ isComplete: true, finished: [{ name: 'mail', count: 1, failedCount: 0 }] });
  });

  it('(5), charter B1: its timers keep the process alive while it drains, and none is left', async () => {
    const { inFlight, begin } = subject();
    const run = begin('mail');
    expect(clock.pendingCount).toBe(0);
    const draining = inFlight.drain(root.withTimeout(1000));
    expect(clock.referencedCount).toBeGreaterThan(0);
    inFlight.end(run, false);
    await draining;

    expect(clock.pendingCount).toBe(0);
  });

  it('(6) the oldest stands first, also where it has gone on under another context', async () => {
    const { inFlight, begin } = subject();
    const oldest = begin('oldest');
    await clock.advance(5);
    begin('newest');
    inFlight.goOn(oldest, root.withCancel());
    const names = [...inFlight].map(({ name }) => name);
    const report = await inFlight.drain(root.withTimeout(0));

    expect(names).toEqual(['oldest', 'newest']);
    expect(report.abandoned).toMatchObject([
      { name: 'oldest', ageMs: 5 },
      { name: 'newest', ageMs: 0 },
    ]);
  });

  it('is open until a drain begins, and counts what is under way', async () => {
    const { inFlight, begin } = subject();
    const run = begin('mail');
    expect([inFlight.isOpen, inFlight.state, inFlight.size]).toEqual([true, 'open', 1]);
    const draining = inFlight.drain(root);
    expect([inFlight.isOpen, inFlight.state]).toEqual([false, 'draining']);
    inFlight.end(run, false);
    await draining;
    expect([inFlight.isOpen, inFlight.state, inFlight.size]).toEqual([false, 'drained', 0]);
  });

  it('knows no place where none is told, and tells the one that a run has noted', async () => {
    const inFlight = createInFlight({ name: 'orders', clock, graceMs: 0 });
    inFlight.begin('mail', root.withCancel());
    inFlight.begin('mail', root.withCancel(), 'here');

    expect((await inFlight.drain(root.withTimeout(0))).abandoned.map(({ place }) => place)).toEqual([
      undefined,
      'here',
    ]);
  });

  it('names at most ten kinds of work in its message', async () => {
    const { inFlight, begin } = subject();
    for (let index = 0; index < 12; index++) begin(`job-${index}`);
    begin('job-0');
    const draining = inFlight.drain(root.withTimeout(0));

    expect((await draining).error?.message).toContain('left 13 behind: job-0 (2), job-1');
    expect((await draining).error?.message).toMatch(/job-9, \.\.\.$/);
  });
});
