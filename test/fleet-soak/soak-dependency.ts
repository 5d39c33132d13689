/**
 * Soak dependency: what the breakers of a soak stand before: it answers, fails or hangs, the same in all processes at a time.
 *
 * @module
 */

import type { Context, Operation, Random } from '@holdfast/core';

/** It did not answer as it should. */
class DependencyError extends Error {
  override readonly name = 'DependencyError';
}

/** Dependencies by name. */
export class SoakDependency {
  /** Whether all are well for good. */
  isWell = false;
  private readonly seed: number;
  private readonly random: Random;

  constructor(seed: number, random: Random) {
    this.seed = seed;
    this.random = random;
  }

  /** One call of the dependency of that name. */
  operation(name: string): Operation<string> {
    return async (context) => {
      const hangs = !this.isWell && this.random() < HANGING;
      await pause(hangs ? HANG_MS : this.random() * 15, context);
      if (this.isDown(name)) throw new DependencyError('the dependency is down');
      return name;
    };
  }

  // --- internal ---

  /** Decided anew every few seconds, by name and time of day, which processes of one machine have in common. */
  private isDown(name: string): boolean {
    if (this.isWell) return false;
    const span = Math.floor(Date.now() / SPAN_MS);
    let mixed = Math.imul(this.seed ^ span, 0x9e3779b1);
    for (const letter of name) mixed = Math.imul(mixed ^ (letter.codePointAt(0) ?? 0), 0x01000193);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % 10 < DOWN_TENTHS;
  }
}

// --- internal ---

/** Share of calls that hang, and for how long. Longer than a lease. */
const [HANGING, HANG_MS] = [0.005, 1500];

/** Time for which a dependency is up or down, and in how many of ten of them it is down. */
const [SPAN_MS, DOWN_TENTHS] = [2500, 4];

function pause(ms: number, context: Context): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unhook();
      resolve();
    }, ms);
    const unhook = context.onCancel((cause) => {
      clearTimeout(timer);
      reject(cause);
    });
  });
}
