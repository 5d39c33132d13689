import { type Context, onHookError } from '@holdfast/core';
import { virtualClock } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Component } from './component.ts';
import type { StopReport, StopStep } from './stop-report.ts';
import { stopComponents } from './stopping.ts';

const reason = { kind: 'asked', text: 'test' } as const;

/** A component whose steps take so long; Infinity hangs, also when its context ends. */
interface Slow {
  readonly drainMs?: number;
  readonly closeMs?: number;
  readonly dependsOn?: readonly string[];
  readonly error?: Error;
  readonly isIdle?: () => unknown;
}

function throws(): never {
  throw new Error('nobody knows');
}

function subject(slow: Readonly<Record<string, Slow>>) {
  const clock = virtualClock();
  const log: string[] = [];
  const seen: StopStep[] = [];
  const step = (name: string, kind: string, ms: number, error?: Error) => async (): Promise<void> => {
    log.push(`${clock.now()} ${name} ${kind}s`);
    if (ms > 0) await new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
    log.push(`${clock.now()} ${name} ${kind}ed`);
    if (error !== undefined) throw error;
  };
  const components = Object.entries(slow).map(
    ([name, { drainMs, closeMs, dependsOn = [], error, isIdle }]): Component => ({
      name,
      dependsOn,
      quiesce: () => void log.push(`${clock.now()} ${name} quiesce`),
      ...(drainMs !== undefined && { drain: step(name, 'drain', drainMs, error) }),
      ...(closeMs !== undefined && { close: step(name, 'close', closeMs, error) }),
      ...(isIdle !== undefined && { isIdle: isIdle as () => boolean }),
    }),
  );
  const stop = async (stopTimeoutMs = 1000, notReadyForMs = 0): Promise<StopReport> => {
    const stopping = stopComponents({
      components,
      clock,
      begunAt: 0,
      reason,
      stopTimeoutMs,
      notReadyForMs,
      onStep: (each) => seen.push(each),
    });
    await clock.advance(stopTimeoutMs);
    return stopping;
  };
  return { clock, log, seen, stop };
}

const service = {
  database: { closeMs: 10 },
  background: { drainMs: 20, closeMs: 0, dependsOn: ['database'] },
  consumer: { drainMs: 40, dependsOn: ['database'] },
  http: { drainMs: 30, closeMs: 5, dependsOn: ['background'] },
};

describe('stopping', () => {
  it('(1) quiesces all, drains each after those that need it, and closes in reverse', async () => {
    const { log, stop } = subject(service);
    const report = await stop();

    expect(log).toEqual([
      '0 database quiesce',
      '0 background quiesce',
      '0 consumer quiesce',
      '0 http quiesce',
      '0 http drains',
      '0 consumer drains',
      '30 http drained',
      '30 background drains',
      '40 consumer drained',
      '50 background drained',
      '50 http closes',
      '55 http closeed',
      '55 background closes',
      '55 background closeed',
      '55 database closes',
      '65 database closeed',
    ]);
    expect(report).toMatchObject({ isComplete: true, exitCode: 0, durationMs: 65, reason });
  });

  it('(1) drains one after the other, the last that started first, where nobody has said what uses what', async () => {
    const clock = virtualClock();
    const log: string[] = [];
    const part = (name: string): Component => ({
      name,
      drain: async () => {
        await new Promise<void>((resolve) => void clock.setTimer(resolve, 10));
        log.push(`${clock.now()} ${name}`);
      },
    });
    const components = [part('database'), part('background'), { ...part('probes'), dependsOn: [] }, part('http')];
    const stopping = stopComponents({
      components,
      clock,
      begunAt: 0,
      reason,
      stopTimeoutMs: 1000,
      notReadyForMs: 0,
      onStep: () => {},
    });
    await clock.advance(1000);
    await stopping;

    expect(log).toEqual(['10 http', '20 probes', '20 background', '30 database']);
  });

  it('goes on serving for a while first', async () => {
    const { log, stop } = subject(service);
    const report = await stop(1000, 200);

    expect(log.slice(3, 6)).toEqual(['0 http quiesce', '200 http drains', '200 consumer drains']);
    expect(report.durationMs).toBe(265);
  });

  it('(2) a step that fails or hangs keeps no other from its turn', async () => {
    const { log, stop } = subject({
      database: { closeMs: 10 },
      background: { drainMs: 20, dependsOn: ['database'] },
      http: { drainMs: Infinity, closeMs: Infinity, dependsOn: ['background'] },
      cache: { closeMs: 0, error: new Error('gone') },
    });
    const report = await stop(1000);

    // Half of 750 ms for http, so that background has the other half; then 250 ms for three closers.
    expect(log.filter((line) => !line.includes('quiesce'))).toEqual([
      '0 http drains',
      '375 background drains',
      '395 background drained',
      '395 cache closes',
      '395 cache closeed',
      '395 http closes',
      expect.stringMatching(/^697\.5 database closes$/),
      '707.5 database closeed',
    ]);
    expect(report.steps.map(({ component, kind, outcome }) => `${component} ${kind} ${outcome}`)).toEqual([
      'http drain late',
      'background drain done',
      'cache close failed',
      'http close late',
      'database close done',
    ]);
    expect(report.steps[2]?.error).toMatchObject({ message: 'gone' });
    expect(report.steps[3]?.error).toMatchObject({ name: 'TimeoutError' });
    expect(report).toMatchObject({ isComplete: false, exitCode: 1 });
  });

  it('(2) gives most of the time to what is under way, where the parts below have nothing', async () => {
    const { log, stop } = subject({
      probes: { drainMs: 0, isIdle: () => true },
      trail: { drainMs: 0, isIdle: () => true, dependsOn: ['probes'] },
      background: { drainMs: 0, isIdle: () => true, dependsOn: ['trail'] },
      http: { drainMs: 560, dependsOn: ['background'] },
    });
    const report = await stop(1000);

    // 750 ms for all drains; http has 1 part of 1.3, the others 0.1 each. Without their word it would have had a quarter.
    expect(log).toContain('560 http drained');
    expect(report).toMatchObject({ isComplete: true, durationMs: 560 });
  });

  it('(2) keeps a little for what was idle, and what nobody has used', async () => {
    const { stop } = subject({
      background: { drainMs: 60, isIdle: () => true },
      http: { drainMs: Infinity, dependsOn: ['background'] },
    });
    const { steps } = await stop(1000);

    expect(steps.map(({ component, outcome }) => `${component} ${outcome}`)).toEqual(['http late', 'background done']);
    expect(steps[0]?.durationMs).toBeCloseTo(750 / 1.1, 6);
  });

  it('(2) asks when the drain above it begins, when requests that have ended have left their work there', async () => {
    const parts = subject({
      background: { drainMs: Infinity, isIdle: () => parts.clock.now() < 40 },
      http: { drainMs: 50, dependsOn: ['background'] },
      trail: { drainMs: Infinity, dependsOn: ['background'] },
      late: { drainMs: 100, isIdle: () => true, dependsOn: ['http', 'trail'] },
    });
    const { steps } = await parts.stop(1000);

    const trail = steps.find(({ component }) => component === 'trail');
    expect(trail?.durationMs).toBeCloseTo((750 - 100) / 2, 6);
  });

  it('(2) keeps an equal part for a part that says anything else, or throws', async () => {
    const handlerBefore = onHookError(() => {});
    const of = async (isIdle: () => unknown): Promise<number | undefined> => {
      const { stop } = subject({ below: { drainMs: 0, isIdle }, http: { drainMs: Infinity, dependsOn: ['below'] } });
      return (await stop(1000)).steps[0]?.durationMs;
    };

    for (const isIdle of [() => false, () => undefined, () => Promise.resolve(true), throws])
      expect(await of(isIdle)).toBeCloseTo(375, 6);
    onHookError(handlerBefore);
  });

  it('(2), (3) ends in its bound with any mix of idle, busy and hanging parts, and each has its turn', async () => {
    const part = fc.record({ drainMs: fc.constantFrom(undefined, 0, 50, 900, Infinity), idle: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
        const slow = parts.map(({ drainMs, idle }, index): [string, Slow] => [
          `p${index}`,
          {
            ...(drainMs !== undefined && { drainMs }),
            closeMs: 0,
            isIdle: () => idle,
            dependsOn: Array.from({ length: index }, (_, below) => `p${below}`),
          },
        ]);
        const { stop } = subject(Object.fromEntries(slow));
        const { durationMs, steps } = await stop(1000);

        expect(durationMs).toBeLessThanOrEqual(1000);
        expect(steps.filter(({ kind }) => kind === 'drain')).toHaveLength(
          parts.filter(({ drainMs }) => drainMs !== undefined).length,
        );
        const lateOnes = steps.filter(({ kind, outcome }) => kind === 'drain' && outcome === 'late');
        expect(lateOnes.every((step) => step.durationMs > 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('(3) ends in time whatever hangs', async () => {
    const hanging = { drainMs: Infinity, closeMs: Infinity };
    const { clock, stop } = subject({
      a: hanging,
      b: { ...hanging, dependsOn: ['a'] },
      c: { ...hanging, dependsOn: ['b'] },
    });
    const report = await stop(600, 100);

    expect(report.durationMs).toBeCloseTo(600, 6);
    expect(report.steps).toHaveLength(6);
    expect(report.steps.every(({ outcome }) => outcome === 'late')).toBe(true);
    expect(clock.pendingCount).toBe(0);
  });

  it('(4) tells of every step once, as it ends', async () => {
    const { seen, stop } = subject(service);
    const { steps } = await stop();

    expect(seen).toEqual(steps);
    expect(steps.map(({ component, kind }) => `${component} ${kind}`)).toEqual([
      'http drain',
      'consumer drain',
      'background drain',
      'http close',
      'background close',
      'database close',
    ]);
    expect(steps[0]).toMatchObject({ durationMs: 30, error: undefined, drained: undefined });
  });

  it('keeps what a drain reports, and is incomplete if that is', async () => {
    const clock = virtualClock();
    const drained = { isComplete: false, durationMs: 1, finished: [], abandoned: [], error: undefined };
    const plan = { clock, begunAt: 0, reason, stopTimeoutMs: 100, notReadyForMs: 0, onStep: () => {} };
    const report = await stopComponents({ ...plan, components: [{ name: 'background', drain: () => drained }] });

    expect(report).toMatchObject({ isComplete: false, exitCode: 1 });
    expect(report.steps[0]).toMatchObject({ outcome: 'done', drained });
  });

  it('gives a step a context that ends a little before its time does', async () => {
    const clock = virtualClock();
    const plan = { clock, begunAt: 0, reason, stopTimeoutMs: 100, notReadyForMs: 0, onStep: () => {} };
    const contexts: Context[] = [];
    const close = (context: Context): Promise<unknown> => {
      contexts.push(context);
      return new Promise((resolve) => void context.onCancel(resolve));
    };
    const stopping = stopComponents({ ...plan, components: [{ name: 'a', close }] });
    await clock.advance(100);

    expect(await stopping).toMatchObject({ isComplete: true, durationMs: 95 });
    expect(contexts[0]?.endedBy).toBe('deadline');
  });

  it('ends with what a fatal error or a failed start makes of it: 1', async () => {
    const plan = {
      clock: virtualClock(),
      begunAt: 0,
      components: [],
      stopTimeoutMs: 100,
      notReadyForMs: 0,
      onStep: () => {},
    };
    const fatal = await stopComponents({ ...plan, reason: { kind: 'fatal', error: 1 } });
    const signalled = await stopComponents({ ...plan, reason: { kind: 'signal', signal: 'SIGTERM' } });

    expect([fatal.exitCode, signalled.exitCode]).toEqual([1, 0]);
  });
});
