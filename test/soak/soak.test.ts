import { describe, expect, it } from 'vitest';

import { plants } from './plant.ts';
import { growthOf } from './slope.ts';
import { soak } from './soak.ts';

const noticed: Readonly<Record<string, RegExp>> = {
  heap: /^the heap grew by \d+ KiB$/,
  listener: /^1 listeners on a signal that outlives the calls$/,
  timer: /^1 timer is set$/,
  handle: /keeps the process alive$/,
  rejection: /^1 unhandled rejection, the first: Error: planted/,
  warning: /^1 warning, the first: Warning: planted/,
  lost: /^1 calls never settled$/,
  value: /^a call came to planted$/,
};

/** A small soak, in which code is still being compiled. */
const small = { calls: 4000, seed: 3, maxGrowthBytes: 1024 * 1024 };

describe('the soak', () => {
  it('finds nothing wrong with calls that leave nothing', async () => {
    const { complaints, report } = await soak({ ...small, calls: 20_000 });

    expect(complaints).toEqual([]);
    expect(report).toMatchObject({ started: 20_000, settled: 20_000 });
  });

  it('has a test for each fault that can be planted', () => {
    expect(Object.keys(noticed)).toEqual(plants);
  });

  it.each([['heap'], ['handle'], plants.filter((plant) => plant !== 'heap' && plant !== 'handle')])(
    'notices a planted %s and what is planted beside it',
    async (...planted) => {
      const { complaints } = await soak({ ...small, plants: planted });

      for (const plant of planted) expect(complaints).toContainEqual(expect.stringMatching(noticed[plant] ?? /^$/));
    },
  );
});

describe('the growth of samples', () => {
  const samples = (bytesAt: (index: number) => number) =>
    Array.from({ length: 20 }, (_, index) => ({ calls: index * 100, bytes: bytesAt(index) }));

  it('is that of a straight line', () => {
    const { bytesPerCall, bytes, sampleCount } = growthOf(
      samples((index) => 5000 + index * 50),
      0,
    );

    expect([bytesPerCall, bytes, sampleCount]).toEqual([0.5, 950, 20]);
  });

  it('leaves out the warm-up, and is not misled by noise that goes nowhere', () => {
    const noisy = samples((index) => (index < 10 ? index * 1e6 : 1e7 + (index % 2) * 1000));

    expect(Math.abs(growthOf(noisy, 0.5).bytes)).toBeLessThan(1000);
    expect(growthOf(noisy, 0).bytes).toBeGreaterThan(1e6);
  });

  it('needs three samples', () => {
    expect(() =>
      growthOf(
        samples(() => 0),
        0.9,
      ),
    ).toThrow(RangeError);
  });
});
