import { Context, type HookError, onHookError } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

import { durationSamples } from './call-durations.ts';
import { CallRecorder } from './call-recorder.ts';

const context = Context.background;

function recorderOf(traceIdOf?: () => string | undefined) {
  let now = 1_700_000_000_000;
  const recorder = new CallRecorder('lines.traceIdOf', {
    boundsMs: [10, 100],
    traceIdOf,
    wallClock: () => (now += 1000),
  });
  const record = (durationMs: number, callCount = 1): void =>
    recorder.record({ outcome: 'success', durationMs, context, callCount });
  const success = () => recorder.read()[0]!;
  return { recorder, record, success };
}

describe('call recorder', () => {
  it('(1) counts a call of exactly a bound in the bucket of that bound', () => {
    const { record, success } = recorderOf();
    for (const ms of [0, 10, 10.5, 100, 100.5, 1e9]) record(ms);

    expect(success().counts).toEqual([2, 4, 6]);
  });

  it('counts a call as often as it stands for', () => {
    const { record, success } = recorderOf();
    record(5, 30);
    record(50, 2);

    expect(success()).toMatchObject({ counts: [30, 32, 32], sumMs: 250 });
  });

  it('keeps the ways to end apart, in samples of seconds', () => {
    const { recorder } = recorderOf();
    recorder.record({ outcome: 'failure', durationMs: 50, context, callCount: 1 });
    const calls = { success: 0, failure: 1, rejected: 0, cancelled: 0, running: 0 };

    const samples = durationSamples({ ...calls, boundsMs: [10, 100], durations: recorder.read() });

    expect(samples).toHaveLength(4 * 5);
    expect(samples.filter(({ labels }) => labels['outcome'] === 'failure')).toMatchObject([
      { labels: { le: '0.01' }, value: 0 },
      { labels: { le: '0.1' }, value: 1 },
      { labels: { le: '+Inf' }, value: 1 },
      { labels: { le: 'sum' }, value: 0.05 },
      { labels: { le: 'count' }, value: 1 },
    ]);
    expect(durationSamples(calls)).toEqual([]);
  });

  it('(2) shows the first traced call of a bucket since the last reading, and keeps it until there is another', () => {
    let trace: string | undefined = 'one';
    const { record, success } = recorderOf(() => trace);
    const shown = () => success().exemplars.map((exemplar) => exemplar?.traceId);
    record(5);
    trace = 'two';
    record(6);
    record(50);
    expect(shown()).toEqual(['one', 'two', undefined]);
    trace = undefined;
    record(7);
    expect(shown()).toEqual(['one', 'two', undefined]);
    trace = 'three';
    record(8);

    expect(success().exemplars[0]).toEqual({
      traceId: 'three',
      durationMs: 8,
      atMs: expect.any(Number) as number,
    });
  });

  it('(3) asks once per bucket until it is read, and takes nothing that is no id', () => {
    let asked = 0;
    const { record, success } = recorderOf(() => `trace ${++asked}`);
    for (let call = 0; call < 10; call++) record(5);
    expect(asked).toBe(1);
    success();
    record(5);
    expect(asked).toBe(2);

    for (const odd of ['', 'x'.repeat(101), 7, null]) {
      const other = recorderOf(() => odd as string);
      other.record(5);
      expect(other.success().exemplars[0]).toBeUndefined();
    }
  });

  it('(3) reports what throws, and counts the call', () => {
    const reported: HookError[] = [];
    onHookError((error) => reported.push(error));
    const { record, success } = recorderOf(() => {
      throw new Error('no tracer');
    });
    record(5);

    expect(success().counts).toEqual([1, 1, 1]);
    expect(reported).toMatchObject([{ hook: 'lines.traceIdOf' }]);
    onHookError(undefined);
  });
});
