import { describe, expect, it } from 'vitest';

import { circuitRejections, circuitStateSamples, circuitTransitions } from './circuit-samples.ts';

describe('samples of a circuit', () => {
  it('(1) exactly one of five states is 1', () => {
    const samples = circuitStateSamples('half-open');

    expect(samples).toHaveLength(5);
    expect(samples.filter(({ value }) => value === 1)).toEqual([{ labels: { state: 'half_open' }, value: 1 }]);
  });

  it('(1) refuses a state that no circuit has', () => {
    expect(() => circuitStateSamples('melted' as never)).toThrow('"melted" is no state of a circuit');
  });

  it('(1) every pair of states and every reason is there before anything has happened', () => {
    const rejections = { open: 0, 'half-open-full': 0, 'forced-open': 0, 'ramping-up': 0 };

    expect(circuitTransitions({})).toHaveLength(20);
    expect(circuitRejections(rejections).map(({ value }) => value)).toEqual([0, 0, 0, 0]);
  });
});
