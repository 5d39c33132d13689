import { describe, expect, it } from 'vitest';

import { memberProgram } from '../../redis-lab/member-program.ts';
import { playFeatureWorld } from './feature-world.ts';
import { worldBreaks } from './world-breaks.ts';

/** Set to as many as there is time for: `npm run test:long` does. */
const WORLDS = Number(process.env['HOLDFAST_FEATURE_WORLDS'] ?? 40);

/** Worlds in which a break must be noticed. */
const MOST_WORLDS = 100;

describe('features of a fleet, in a world of bad luck', () => {
  it(
    `keep what they promise in ${WORLDS} stories`,
    async () => {
      for (let seed = 0; seed < WORLDS; seed++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        expect(await playFeatureWorld(seed), `seed ${seed}`).toBeUndefined();
      }
    },
    120_000 + WORLDS * 1000,
  );

  it.each(worldBreaks)(
    'do not, without a rule: $rule',
    async ({ edit }) => {
      const program = await memberProgram(new URL('feature-world.ts', import.meta.url).pathname, [edit]);
      const { playFeatureWorld: play } = (await import(program)) as { playFeatureWorld: typeof playFeatureWorld };
      let violation: string | undefined;
      for (let seed = 0; seed < MOST_WORLDS && violation === undefined; seed++) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        violation = await play(seed);
      }

      expect(violation).toBeDefined();
    },
    120_000,
  );
});
