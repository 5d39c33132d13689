/**
 * Once: what remembers which messages were handled, so that one that is delivered again is not handled again. `redisOnce` of
 * @holdfast/redis is one, for a fleet; {@link memoryOnce} is one for a single process.
 *
 * @module
 */

import { ConfigError, type Context } from '@holdfast/core';

/** What a handler is told of its try. */
export interface OnceTry {
  /** Higher than that of any try before, so that what is changed elsewhere can refuse who comes late. */
  readonly fencingToken: number;
  /** Number of this try, from 1. */
  readonly attempt: number;
}

/** Runs jobs once for a key. */
export interface Once {
  /** Runs `job`, unless it was done for `key` before, or is just being done: then it promises what that comes to. */
  run<T>(key: string, job: (context: Context, grant: OnceTry) => T | PromiseLike<T>, context?: Context): Promise<T>;
}

/**
 * Checks that `once` is one, or undefined.
 *
 * @throws ConfigError when it is not.
 */
export function requireOnce(option: string, once: unknown): void {
  const { run } = (once ?? {}) as { readonly run?: unknown };
  if (once !== undefined && typeof run !== 'function')
    throw new ConfigError(option, 'what has run(key, job, context), as redisOnce and memoryOnce', once);
}
