/**
 * Steady random: the source of randomness that was handed in, so that it can be drawn from where a throw would reach nobody.
 *
 * @module
 */

import { type Random, reportHookError, systemRandom } from '@holdfast/core';

/** Returns a source that never throws, and stays from 0 to 1, 1 excluded; what `random` does wrong is reported under `name`. */
export function steadyRandom(random: Random, name: string): Random {
  return () => {
    try {
      const drawn: unknown = random();
      if (typeof drawn === 'number' && drawn >= 0 && drawn < 1) return drawn;
      throw new RangeError('random must return a number from 0 to 1, 1 excluded');
    } catch (error) {
      reportHookError('random', error, name);
      return systemRandom();
    }
  };
}
