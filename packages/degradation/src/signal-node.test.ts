import * as perfHooks from 'node:perf_hooks';
import * as v8 from 'node:v8';

import { describe, expect, it } from 'vitest';

import { type LoopUtilization, nodeSignals } from './signal-node.ts';

/** A perf_hooks whose loop has been busy for `active` and idle for `idle` milliseconds since it started. */
function fakePerfHooks() {
  const loop = { active: 0, idle: 0, max: 0, isEnabled: false, resets: 0 };
  const monitor = {
    get max() {
      return loop.max;
    },
    enable: () => (loop.isEnabled = true),
    disable: () => (loop.isEnabled = false),
    reset: () => void (loop.max = 0),
  };
  const eventLoopUtilization = (now?: LoopUtilization, before?: LoopUtilization): LoopUtilization => {
    const active = (now?.active ?? loop.active) - (before?.active ?? 0);
    const idle = (now?.idle ?? loop.idle) - (before?.idle ?? 0);
    return { active, idle, utilization: active / (active + idle || 1) };
  };
  return { loop, modules: { performance: { eventLoopUtilization }, monitorEventLoopDelay: () => monitor } };
}

describe('signal node', () => {
  it('(1) tells of the time since the last reading', () => {
    const { loop, modules } = fakePerfHooks();
    Object.assign(loop, { active: 1000, idle: 0 });
    const signals = nodeSignals({ perfHooks: modules });

    Object.assign(loop, { active: 1300, idle: 700, max: 320e6 });
    expect(signals.read()).toMatchObject({ loopUtilizationRatio: 0.3, loopStallMs: 300 });
    Object.assign(loop, { active: 2200, idle: 800 });
    expect(signals.read()).toMatchObject({ loopUtilizationRatio: 0.9, loopStallMs: 0 });
  });

  it('(2) tells the longest stall less the resolution', () => {
    const { loop, modules } = fakePerfHooks();
    const signals = nodeSignals({ perfHooks: modules, resolutionMs: 50 });

    loop.max = 60e6;
    expect(signals.read().loopStallMs).toBe(10);
    loop.max = 40e6;
    expect(signals.read().loopStallMs).toBe(0);
  });

  it('(3) watches nothing after stop()', () => {
    const { loop, modules } = fakePerfHooks();
    const signals = nodeSignals({ perfHooks: modules });
    expect(loop.isEnabled).toBe(true);

    signals.stop();

    expect(loop.isEnabled).toBe(false);
    expect(signals.read().loopStallMs).toBeUndefined();
  });

  it('reads this process through the modules of Node.js', () => {
    const signals = nodeSignals({ perfHooks, v8 });
    const { loopUtilizationRatio, loopStallMs, heapRatio } = signals.read();
    signals.stop();

    expect(loopUtilizationRatio).toBeGreaterThanOrEqual(0);
    expect(loopUtilizationRatio).toBeLessThanOrEqual(1);
    expect(loopStallMs).toBeGreaterThanOrEqual(0);
    expect(heapRatio).toBeGreaterThan(0);
    expect(heapRatio).toBeLessThan(1);
  });

  it('knows only signals whose modules it was given, and refuses what is no module', () => {
    expect(nodeSignals({}).read()).toEqual({ heapRatio: undefined });
    expect(() => nodeSignals({ v8: {} as never })).toThrow('nodeSignals.v8.getHeapStatistics must be a function');
    expect(() => nodeSignals({ perfHooks: {} as never })).toThrow(
      'nodeSignals.perfHooks.monitorEventLoopDelay must be a function',
    );
    expect(() => nodeSignals({ resolutionMs: 0 })).toThrow('nodeSignals.resolutionMs must be an integer');
  });
});
