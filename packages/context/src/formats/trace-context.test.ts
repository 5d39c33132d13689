import { onHookError } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkTracestate, formatTraceparent, parseTraceparent, startTrace } from './trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('trace context', { timeout: 60_000 }, () => {
  it('(2): is written as it was read', () => {
    for (const flags of ['00', '01']) {
      const text = `00-${traceId}-${spanId}-${flags}`;
      const trace = parseTraceparent(text);

      expect(trace).toEqual({ traceId, spanId, isSampled: flags === '01' });
      expect(formatTraceparent(trace as NonNullable<typeof trace>)).toBe(text);
    }
  });

  it('reads a later version by what it has in common, and passes on only flags that it knows', () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-comes-next`)).toMatchObject({ isSampled: true });
    expect(parseTraceparent(`00-${traceId}-${spanId}-fe`)).toMatchObject({ isSampled: false });
  });

  it.each([
    '',
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-0`,
    ` 00-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01\n`,
    `00-${traceId}${spanId}-01`,
  ])('(1): %j is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('(1): throws for nothing', () => {
    fc.assert(
      fc.property(fc.anything(), (thing) => {
        expect(parseTraceparent(thing as string)).toBeUndefined();
        expect(checkTracestate(thing) ?? 'none').toBeTypeOf('string');
      }),
    );
    expect(formatTraceparent({ traceId: 'x\r\ny', spanId, isSampled: true })).toBeUndefined();
    expect(formatTraceparent({ traceId, spanId: '', isSampled: true })).toBeUndefined();
  });

  it('has a state of up to 32 members and 512 characters', () => {
    const members = (count: number): string => Array.from({ length: count }, (_, index) => `k${index}=v`).join(',');

    expect(checkTracestate('congo=t61rcWkgMzE, rojo@x=00f067aa0ba902b7')).toBe(
      'congo=t61rcWkgMzE, rojo@x=00f067aa0ba902b7',
    );
    expect(checkTracestate(members(32))).toBe(members(32));
    expect(checkTracestate(members(33))).toBeUndefined();
    expect(checkTracestate(`a=${'x'.repeat(256)},b=${'y'.repeat(256)}`)).toBeUndefined();
    for (const text of ['', 'a', 'A=b', 'a=b\r\nc: d', 'a=é', undefined]) expect(checkTracestate(text)).toBeUndefined();
  });

  it('(2): is started with ids that are of the format, and continued as another span of the same trace', () => {
    const random = seededRandom(7);
    const started = startTrace(random);
    const child = startTrace(random, started);

    expect(parseTraceparent(formatTraceparent(started) ?? '')).toEqual(started);
    expect(child.traceId).toBe(started.traceId);
    expect(child.spanId).not.toBe(started.spanId);
    expect(startTrace(random).traceId).not.toBe(started.traceId);
    expect(startTrace(() => 0, undefined, true)).toMatchObject({ traceId: `${'0'.repeat(31)}1`, isSampled: true });
  });

  it('random-id (1): is started with the numbers of the platform where random has none', () => {
    const reported: unknown[] = [];
    const before = onHookError(({ hook }) => reported.push(hook));
    const randoms = [() => { throw new Error('mine'); }, () => NaN, () => 1, () => -0.1]; // prettier-ignore
    const traces = randoms.map((random) => startTrace(random));
    onHookError(before);

    expect(traces.map(formatTraceparent)).toEqual(
      traces.map(() => expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-/)),
    );
    expect(new Set(traces.map((trace) => trace.traceId)).size).toBe(4);
    expect(new Set(reported)).toEqual(new Set(['random']));
  });
});
