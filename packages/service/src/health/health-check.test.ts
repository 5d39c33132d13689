import type { Context } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { type HealthProbe, RunningCheck } from './health-check.ts';

function subject(probe: HealthProbe, timeoutMs = 500) {
  const clock = virtualClock();
  const check = new RunningCheck({ name: 'database', probe, effect: 'ready', everyMs: 1000, timeoutMs, clock });
  return { clock, check };
}

describe('a health check', () => {
  it('(1) is run again when it has thrown what has no text', async () => {
    let runs = 0;
    const { clock, check } = subject(() => {
      runs++;
      throw Object.create(null) as Error;
    });
    check.begin();
    await clock.advance(10);
    expect(check.fact()).toMatchObject({ result: 'fail', reason: 'a thrown object that has no text' });
    await clock.advance(1000);

    expect(runs).toBe(2);
    check.close();
  });

  it('(2) ends the context of a run when the run has ended', async () => {
    const contexts: Context[] = [];
    const { clock, check } = subject((context) => void contexts.push(context));
    check.begin();
    await clock.advance(10);

    expect(contexts.map(({ cancelled }) => cancelled)).toEqual([true]);
    check.close();
  });

  it.each<[HealthProbe, string, string | undefined]>([
    [() => undefined, 'pass', undefined],
    [async () => 'PONG', 'pass', undefined],
    [() => false, 'fail', 'the check returned false'],
    [() => Promise.reject(new Error('refused')), 'fail', 'refused'],
    [
      () => {
        throw 'text';
      },
      'fail',
      'text',
    ],
    [() => ({ warning: 'replica lags' }), 'warn', 'replica lags'],
  ])('%o is %s', async (probe, result, reason) => {
    const { clock, check } = subject(probe);
    expect(check.fact()).toEqual({
      name: 'database',
      effect: 'ready',
      result: 'unknown',
      reason: undefined,
      ageMs: undefined,
    });
    check.begin();
    await clock.advance(10);

    expect(check.fact()).toMatchObject({ result, reason, ageMs: 10 });
    check.close();
  });

  it('(1) is run again when it has ended, and never twice at once', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const { clock, check } = subject(async () => {
      runs++;
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => void clock.setTimer(resolve, 3000));
      running--;
    });
    check.begin();
    await clock.advance(9000); // three seconds of work, one of rest

    expect({ runs, most }).toEqual({ runs: 3, most: 1 });
    check.close();
  });

  it('(1), (2) one that hangs has failed, is not piled up, and passes again when it does', async () => {
    let runs = 0;
    const contexts: Context[] = [];
    let finish: () => void = () => {};
    const { clock, check } = subject((context) => {
      runs++;
      contexts.push(context);
      return new Promise<void>((resolve) => (finish = resolve));
    });
    check.begin();
    await clock.advance(499);
    expect(check.fact().result).toBe('unknown');
    await clock.advance(1);
    expect(check.fact()).toMatchObject({ result: 'fail', reason: 'no answer within 500 ms' });
    expect(contexts[0]?.endedBy).toBe('deadline');
    await clock.advance(60_000);
    expect(runs).toBe(1);
    finish();
    await clock.advance(0);
    expect(check.fact().result).toBe('fail'); // what came too late is dropped
    await clock.advance(1000);
    expect(runs).toBe(2);
    finish();
    await clock.advance(0);

    expect(check.fact()).toMatchObject({ result: 'pass', reason: undefined });
    check.close();
  });

  it('(3), charter B1: runs nothing after close, and never keeps the process alive', async () => {
    let runs = 0;
    const { clock, check } = subject(() => void runs++);
    check.begin();
    await clock.advance(1500);
    expect(clock.pendingCount).toBe(1);
    expect(clock.referencedCount).toBe(0);
    check.close();
    await clock.advance(5000);
    expect({ runs, timers: clock.pendingCount }).toEqual({ runs: 2, timers: 0 });

    const hanging = subject((context) => new Promise((_, reject) => void context.onCancel(reject)));
    hanging.check.begin();
    await hanging.clock.advance(10);
    expect(hanging.clock.referencedCount).toBe(0);
    hanging.check.close();
    await hanging.clock.advance(10);
    expect(hanging.check.fact().result).toBe('unknown');
    expect(hanging.clock.pendingCount).toBe(0);
  });
});
