/**
 * Break run: lets worlds go by without one rule, until an invariant notices.
 *
 * @module
 */

import type { ModelServer } from './model-server.ts';
import { playWorlds } from './play-worlds.ts';
import type { Break } from './script-breaks.ts';
import { onServer } from './script-ledger.ts';
import type { Invariant } from './violation.ts';

/** How a break was noticed. */
export interface Noticed {
  readonly by: Invariant;
  /** Seed of the world in which it was. */
  readonly seed: number;
  /** Steps of that world, and of all that were played. */
  readonly step: number;
  readonly total: number;
  /** What did not hold, and what came before. */
  readonly story: string;
}

/** Where to look for it. */
export interface Search {
  /** The first seed; each world has the next. */
  readonly seed: number;
  readonly steps: number;
  /** Worlds that are played at a time. */
  readonly width: number;
}

/** Plays without the rule of `broken`, or with all rules where that is undefined; undefined where nothing is noticed. */
export async function noticedIn(
  { redis }: ModelServer,
  broken: Break | undefined,
  search: Search,
): Promise<Noticed | undefined> {
  await redis.flushall(); // worlds that were played before have left their keys
  const mend = broken?.node?.();
  try {
    const { violated } = await playWorlds({ ...search, make: onServer(redis, broken?.scripts) });
    if (violated === undefined) return undefined;
    const { violation, seed, step, total, story } = violated;
    return { by: violation.invariant, seed, step, total, story: `${violation.message}\n${story}` };
  } finally {
    mend?.();
  }
}
