import { describe, expect, it } from 'vitest';

import { FeatureListeners } from './feature-listeners.ts';
import { sharedFeature } from './testing/records.ts';

const throwing = (): never => {
  throw new Error('mine');
};

describe('FeatureListeners', () => {
  it('(1) tells all of them, whatever one of them throws', () => {
    const told: string[] = [];
    const listeners = new FeatureListeners('shop');
    listeners.add({ listener: throwing, watch: { away: throwing, whole: throwing } });
    listeners.add({ listener: ({ revision }) => told.push(`record ${revision}`), watch: undefined });
    const watch = { away: String, whole: (records: readonly unknown[]) => told.push(`whole ${records.length}`) };
    listeners.add({
      listener: () => told.push('other'),
      watch: { ...watch, away: (error) => told.push(String(error)) },
    });

    listeners.record(sharedFeature(1));
    listeners.whole([]);
    listeners.away('gone');

    expect(told).toEqual(['record 1', 'other', 'whole 0', 'gone']);
  });

  it('tells nobody who has ended, and counts who has not', () => {
    const told: number[] = [];
    const listeners = new FeatureListeners('shop');
    const end = listeners.add({ listener: () => told.push(1), watch: undefined });
    listeners.add({ listener: () => told.push(2), watch: undefined });
    expect(listeners.size).toBe(2);
    end();
    end();
    listeners.record(sharedFeature(1));
    listeners.clear();
    listeners.record(sharedFeature(2));

    expect(told).toEqual([2]);
    expect(listeners.size).toBe(0);
  });
});
