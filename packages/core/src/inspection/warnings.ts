/**
 * Warnings: tells of a policy or pipeline that cannot do what it seems to do, because of its order or its numbers.
 *
 * @module
 */

import type { Policy } from '../kernel/policy.ts';
import { rowsOf } from './layers.ts';
import { type WarningRule, warningChecks } from './warning-rules.ts';

/** Every kind of mistake that is looked for, in the order in which they are told. */
export const warningRules: readonly WarningRule[] = warningChecks;

/** Something that is probably a mistake. */
export interface Warning {
  /** Stable, literal name of the mistake: `RETRIES_MULTIPLY`. */
  readonly code: string;
  /** Where: `prices[1]`, the second policy of the pipeline called `prices`. */
  readonly path: string;
  /** What was found, in one sentence. */
  readonly message: string;
  /** Why that is a mistake. */
  readonly why: string;
  /** What to do about it. */
  readonly advice: string;
}

/**
 * Returns what is probably wrong with a policy or pipeline, as it is now; nothing where nothing was found. It decides from what
 * the policies tell about themselves, so it cannot know what an operation does, nor the deadlines of callers.
 *
 * @example
 * ```ts
 * for (const { path, message } of warnings(prices)) console.warn(`${path}: ${message}`);
 * ```
 */
export function warnings(policy: Policy<unknown>): readonly Warning[] {
  const rows = rowsOf(policy);
  return warningChecks.flatMap(({ code, why, advice, find }) => {
    const found = rows.flatMap((layers) => find(layers));
    return distinctBy(found, ({ at, message }) => `${at.path} ${message}`).map(({ at, message }) => ({
      code,
      path: at.path,
      message,
      why,
      advice,
    }));
  });
}

// --- internal ---

/** The first of those for which `keyOf` says the same: ways that a call may go have most of it in common. */
function distinctBy<T>(items: readonly T[], keyOf: (item: T) => string): readonly T[] {
  return [...new Map(items.toReversed().map((item) => [keyOf(item), item])).values()].toReversed();
}
