import { Context } from '@holdfast/core';
import type { Attributes } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';

import { CallDurations } from './call-durations.ts';

function setUp() {
  const told: [number, Attributes | undefined][] = [];
  const durations = new CallDurations({
    record: (value, attributes) => void told.push([value, attributes]),
  });
  const meterOf = (pipeline: string) => durations.meterOf(pipeline, 2);
  const tell = (meter: ReturnType<typeof meterOf>, callCount = 1) =>
    meter.record({ outcome: 'success', durationMs: 250, context: Context.background, callCount });
  return { told, meterOf, tell };
}

describe('call durations', () => {
  it('(1) tells a call as often as it stands for', () => {
    const { told, meterOf, tell } = setUp();
    tell(meterOf('prices'), 3);

    expect(told).toEqual(Array.from({ length: 3 }, () => [0.25, { name: 'prices', outcome: 'success' }]));
  });

  it('(2) tells the first names apart and the others together, and gives the place of one that left to the next', () => {
    const { told, meterOf, tell } = setUp();
    const [a, again, b, c] = [meterOf('a'), meterOf('a'), meterOf('b'), meterOf('c')];
    for (const meter of [a, again, b, c]) tell(meter);
    a.close?.();
    tell(meterOf('d'));
    again.close?.();
    c.close?.();
    tell(meterOf('e'));
    tell(meterOf('f'));

    const names = told.map(([, attributes]) => attributes?.['name']);
    expect(names).toEqual(['a', 'a', 'b', '__other__', '__other__', 'e', '__other__']);
  });
});
