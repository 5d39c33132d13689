import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type LiveOverride, isFor, toLive } from './live-override.ts';
import { positionAtLevel } from './level-map.ts';
import { RequestReadings } from './request-readings.ts';
import { type Target, bucketOf } from './targeting.ts';
import { overrideRecord } from './testing/records.ts';

const modes = ['full', 'cached', 'off'];
const onLevel = [
  { level: 1, position: 1 },
  { level: 3, position: 2 },
];

function live(shareRatio: number, more: { tier?: string; seed?: string } = {}): LiveOverride {
  const match = more.tier === undefined ? [] : [{ attribute: 'tier', in: [more.tier] }];
  const record = overrideRecord({ shareRatio, match, seed: more.seed ?? 'reco', remainingMs: 1000 });
  const one = toLive(record, modes, { now: 0, place: { region: undefined, instance: undefined } });
  if (one === undefined) throw new Error('it is not live');
  return one;
}

/** Readings that tell only what they were decided by. */
function readings(all: readonly LiveOverride[], level = 0) {
  let decided = 0;
  const decide = (overrides: readonly LiveOverride[], levelPosition: number) => {
    decided++;
    return { overrides, levelPosition } as never;
  };
  const made = new RequestReadings({ live: all, onLevel, level, decide });
  const of = (request: Target | undefined, keyless = 0) =>
    made.of(request, keyless) as unknown as { overrides: readonly LiveOverride[]; levelPosition: number };
  return { of, decidedCount: () => decided };
}

const anyLive = fc
  .array(fc.tuple(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.constantFrom(undefined, 'free', 'gold')), {
    maxLength: 45,
  })
  .map((all) =>
    all.map(([share, tier], index) => live(share, { seed: `s${index}`, ...(tier !== undefined && { tier }) })),
  );
const anyRequest = fc.record({
  key: fc.option(fc.string({ maxLength: 5 }), { nil: undefined }),
  attributes: fc.constantFrom(undefined, { tier: 'free' }, { tier: 'gold' }),
});

describe('RequestReadings', () => {
  it(
    '(1) gives each request what is decided for it alone, however many overrides there are',
    { timeout: 60_000 },
    () => {
      fc.assert(
        fc.property(
          anyLive,
          fc.double({ min: 0, max: 4, noNaN: true }),
          fc.array(anyRequest, { maxLength: 20 }),
          fc.double({ min: 0, max: 0.999, noNaN: true }),
          (all, level, requests, keyless) => {
            const { of } = readings(all, level);
            for (const request of [...requests, ...requests]) {
              const bucket = request.key === undefined ? keyless : bucketOf('level', request.key);
              const { overrides, levelPosition } = of(request, keyless);
              expect(overrides.map((one) => all.indexOf(one))).toEqual(
                all.flatMap((one, index) => (isFor(one, request, keyless) ? [index] : [])),
              );
              expect(levelPosition).toBe(positionAtLevel(onLevel, level, bucket));
            }
          },
        ),
        { numRuns: 200 },
      );
    },
  );

  it('(2) decides equal grounds once, and lets nobody change what came of it', () => {
    const { of, decidedCount } = readings([live(0.5), live(1, { tier: 'free' })], 1.5);
    const requests = Array.from({ length: 500 }, (_each, index) => ({
      key: `user-${index}`,
      attributes: { tier: index % 2 === 0 ? 'free' : 'gold' },
    }));

    const seen = new Set(requests.map((request) => of(request)));

    expect([seen.size, decidedCount()]).toEqual([4, 4]); // every override for some, and not for others; all at level 1
    expect([...seen].every((reading) => Object.isFrozen(reading))).toBe(true);
    expect(of(requests[0])).toBe(of(requests[0]));
  });

  it('(3) keeps 256 of them at most, and goes on', () => {
    const { of, decidedCount } = readings(
      Array.from({ length: 9 }, (_each, index) => live(0.5, { seed: `s${index}` })),
    );
    const keys = Array.from({ length: 20_000 }, (_each, index) => ({ key: `user-${index}` }));

    const seen = new Set(
      keys.map((key) =>
        of(key)
          .overrides.map(({ record }) => record.seed)
          .join(),
      ),
    );

    expect(seen.size).toBe(512);
    expect(decidedCount()).toBeGreaterThan(512); // some were forgotten, and decided again
    expect(of(keys[0]).overrides).toEqual(of(keys[0]).overrides);
  });
});
