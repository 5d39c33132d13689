import { describe, expect, it } from 'vitest';

import { type Step, allSteps, lanesOf } from './steps.ts';

const step = (name: string, lane?: 'left' | 'right'): Step => ({
  name,
  kind: 'command',
  command: ['true'],
  limitSeconds: 1,
  ...(lane === undefined ? {} : { lane }),
});
const namesOf = (steps: readonly Step[]) =>
  lanesOf(steps).map((lanes) => lanes.map((each) => each.map(({ name }) => name)));

describe('lanesOf', () => {
  it('runs steps without a lane one after the other, and the two lanes of neighbours beside each other', () => {
    const steps = [step('a'), step('b'), step('c', 'left'), step('d', 'left'), step('e', 'right'), step('f')];

    expect(namesOf(steps)).toEqual([[['a', 'b']], [['c', 'd'], ['e']], [['f']]]);
  });

  it('runs what is alone in its lane alone', () => {
    expect(namesOf([step('a', 'right')])).toEqual([[['a']]]);
    expect(namesOf([])).toEqual([]);
  });

  it('loses no step of the check, each of which has a name of its own', () => {
    expect(lanesOf(allSteps).flat(2)).toEqual(allSteps);
    expect(new Set(allSteps.map(({ name }) => name)).size).toBe(allSteps.length);
  });
});
