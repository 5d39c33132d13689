import { describe, expect, it } from 'vitest';

import { levelFor } from './brownout-bucket.ts';
import { dependencyPressure, featureLevel, measuresAt } from './brownout-feature.ts';

const keys = Array.from({ length: 500 }, (_each, index) => `user-${index}`);

describe('brownout feature', () => {
  it.each([0, 0.5, 2, 3.5, 3.999])('(1) leaves what is essential alone at level %s', (level) => {
    const levels = keys.map((key) =>
      featureLevel({ essential: true, dependsOn: ['pay'] }, { key, level, maxLevel: 4, stateOf: () => 'open' }),
    );

    expect(new Set(levels)).toEqual(new Set([0]));
  });

  it('(1) degrades what is essential at the highest level', () => {
    expect(featureLevel({ essential: true }, { key: 'ada', level: 4, maxLevel: 4 })).toBe(4);
  });

  it('(2) is at the highest level while a circuit is open that it depends on, and nothing else is', () => {
    const stateOf = (name: string) => ({ reco: 'open', search: 'half-open' })[name];
    const moment = { key: 'ada', level: 0, maxLevel: 4, stateOf };

    expect(featureLevel({ dependsOn: ['search', 'reco'] }, moment)).toBe(4);
    expect(featureLevel({ dependsOn: ['search'] }, moment)).toBe(0);
    expect(featureLevel({ dependsOn: ['unknown'] }, moment)).toBe(0);
    expect(featureLevel({}, moment)).toBe(0);
    expect(dependencyPressure(['reco'], stateOf)).toBe(1);
    expect(dependencyPressure(['reco'])).toBe(0);
  });

  it('is otherwise at the level of the request', () => {
    for (const key of keys) expect(featureLevel({}, { key, level: 1.5, maxLevel: 4 })).toBe(levelFor(key, 1.5));
  });

  it.each<[number, readonly string[]]>([
    [0, []],
    [0.01, ['brownout']],
    [2, ['brownout', 'priority-shed']],
    [3, ['brownout', 'priority-shed', 'queue-timeouts']],
    [4, ['brownout', 'priority-shed', 'queue-timeouts', 'static-answers']],
  ])('(3) takes one measure after the other: at level %s %s', (level, measures) => {
    expect(measuresAt(level, 4)).toEqual(measures);
  });
});
