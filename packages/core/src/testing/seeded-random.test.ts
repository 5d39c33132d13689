import { describe, expect, it } from 'vitest';

import { createEvents } from '../kernel/events.ts';
import { recordEvents } from './event-recorder.ts';
import { seededRandom } from './seeded-random.ts';

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed));

    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('gives the numbers of the published generator', () => {
    const random = seededRandom(0);

    expect([random(), random(), random()]).toEqual([0.26642920868471265, 0.0003297457005828619, 0.2232720274478197]);
  });

  it('gives numbers in [0, 1), evenly', () => {
    const random = seededRandom(42);
    const numbers = Array.from({ length: 10_000 }, random);

    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(Math.abs(numbers.reduce((sum, number) => sum + number, 0) / 10_000 - 0.5)).toBeLessThan(0.02);
  });
});

describe('recordEvents', () => {
  it('keeps events in order until it is stopped', () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const event = { type: 'retry.scheduled', policy: 'retry', name: 'prices' };
    events.emit(event);
    events.emit({ ...event, type: 'fallback.used' });
    recorder.stop();
    events.emit(event);

    expect(recorder.types).toEqual(['retry.scheduled', 'fallback.used']);
    expect(recorder.events[0]).toBe(event);
    expect(events.active).toBe(false);
  });
});
