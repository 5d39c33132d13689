import { onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it, vi } from 'vitest';

import { runBrownout } from './brownout-runner.ts';
import { createBrownout } from './brownout.ts';

function setUp(read: (now: number) => object = () => ({ shedRatio: 0.05 })) {
  const clock = virtualClock();
  const brownout = createBrownout();
  return { clock, brownout, read };
}

describe('brownout runner', () => {
  it('(1) observes at regular times, with a timer that keeps no process alive and none after stop()', async () => {
    const { clock, brownout, read } = setUp();
    const runner = runBrownout(brownout, { clock, read });

    await clock.advance(499);
    expect(brownout.level).toBe(0);
    await clock.advance(1);
    expect(brownout.level).toBeCloseTo(0.6);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);

    runner.stop();
    runner.stop();
    await clock.advance(10_000);
    expect(brownout.level).toBeCloseTo(0.6);
    expect(clock.pendingCount).toBe(0);
  });

  it('(1) has no timer after stop() from within the reader', async () => {
    const { clock, brownout } = setUp();
    const runner = runBrownout(brownout, {
      clock,
      read: () => {
        runner.stop();
        return {};
      },
    });

    await clock.advance(1000);

    expect(clock.pendingCount).toBe(0);
  });

  it('(2) goes on when a function of the user throws, as if nothing were known', async () => {
    const report = vi.fn<(error: unknown) => void>();
    const before = onHookError(report);
    const { clock, brownout } = setUp();
    const fail = (): never => {
      throw new Error('no');
    };

    const runner = runBrownout(brownout, { clock, read: fail, apply: fail, ballot: { cast: fail, votes: fail } });
    await clock.advance(1000);
    onHookError(before);

    expect(report).toHaveBeenCalledTimes(8);
    expect(brownout.explain().worst).toBeUndefined();
    expect(clock.pendingCount).toBe(1);
    runner.stop();
  });

  it('charter C5, (2): a promise of a function that is asked is reported and counts as nothing; no rejection is left', async () => {
    const causes: unknown[] = [];
    const before = onHookError(({ cause }) => causes.push(cause));
    const { clock, brownout } = setUp();
    const no = new Error('no');
    const rejects = (() => Promise.reject(no)) as () => never;

    const ballot = { cast: rejects, votes: rejects };
    const runner = runBrownout(brownout, { clock, read: rejects, apply: rejects, ballot });
    await clock.advance(500);
    onHookError(before);

    const late = (hook: string): TypeError => new TypeError(`${hook} must answer at once, got a promise`);
    expect(causes).toEqual([late('read'), late('ballot'), no, no]);
    expect(brownout.explain().worst).toBeUndefined();
    expect(clock.pendingCount).toBe(1);
    runner.stop();
  });

  it('(2) a function that is told may be async', async () => {
    const report = vi.fn<(error: unknown) => void>();
    const before = onHookError(report);
    const { clock, brownout, read } = setUp();
    const apply = vi.fn<(level: number) => Promise<void>>(async () => {});

    const runner = runBrownout(brownout, { clock, read, apply });
    await clock.advance(1000);
    onHookError(before);

    expect([apply.mock.calls.length, report.mock.calls]).toEqual([2, []]);
    runner.stop();
  });

  it('casts the level of its own signals, and follows the fleet', async () => {
    const { clock, brownout } = setUp();
    const cast = vi.fn<(level: number) => void>();
    const votes = () => ['a', 'b', 'c'].map((node) => ({ node, level: 2, ageMs: 0 }));

    const runner = runBrownout(brownout, { clock, read: () => ({ shedRatio: 0 }), ballot: { cast, votes } });
    await clock.advance(500);
    expect(brownout.level).toBe(1);
    await clock.advance(20_000);
    runner.stop();

    expect(brownout.level).toBe(2);
    expect(new Set(cast.mock.calls.flat())).toEqual(new Set([0]));
    expect(brownout.explain().text).toContain('follows the fleet');
  });

  it('hands the level on after each sample', async () => {
    const { clock, brownout, read } = setUp();
    const apply = vi.fn<(level: number, explanation: { readonly text: string }) => void>();

    const runner = runBrownout(brownout, { clock, read, apply });
    await clock.advance(1000);
    runner.stop();

    expect(apply.mock.calls.map(([level]) => level)).toEqual([expect.closeTo(0.6), 1]);
    expect(apply.mock.calls[0]?.[1].text).toContain('shedRatio is 0.05');
  });

  it('refuses what is no reader', () => {
    const { clock, brownout } = setUp();

    expect(() => runBrownout(brownout, { clock, read: 3 as never })).toThrow(
      'brownoutRunner.read must be a function, got 3',
    );
    expect(() => runBrownout(brownout, { clock, read: () => ({}), fleet: { minVotes: 0 } })).toThrow(
      'fleetLevel.minVotes',
    );
    expect(clock.pendingCount).toBe(0);
  });

  it.each([
    ['no brownout', undefined, {}, 'brownoutRunner.brownout must be what createBrownout returns'],
    ['a ballot without votes', createBrownout(), { ballot: { cast: () => {} } }, 'brownoutRunner.ballot.votes must be'],
    ['a ballot that is none', createBrownout(), { ballot: {} }, 'brownoutRunner.ballot.cast must be a function'],
  ])('refuses %s, and sets no timer', (_what, brownout, more, message) => {
    const clock = virtualClock();

    expect(() => runBrownout(brownout as never, { read: () => ({}), clock, ...more } as never)).toThrow(message);
    expect(clock.pendingCount).toBe(0);
  });
});
