/**
 * Rollback: undoes what a request has done, once, whoever asks for it and however often, and not less than that.
 *
 * A record per rollback is pending while it runs, under a lease that runs out when its process dies, and done only when it is.
 * The record is kept by `redisOnce` of `@holdfast/redis`, by `memoryOnce` for one process, or by anything else that runs a
 * job once for a key.
 *
 *   execute ─► key ─► once ─┬─ done before ─────► its result
 *                           ├─ another does it ─► waits, and gets its result
 *                           └─ pending (lease) ─► undo(context, fencing token) ─► done (result)
 *
 * Invariants
 *  (1) The same id has the same key, always; see rollback-id.
 *  (2) A rollback does not end with the request that it is for; it has a time limit of its own.
 *  (3) `undo` is given the token of the lease under which it runs.
 *  (4) With `executeAtMostOnce` the record is made first: a rollback is begun once at most, and forgotten if its process dies.
 *
 * @module
 */

import { type Context, inRange, isFunction, requireContext, withKnown } from '@holdfast/core';

import { endedBefore } from '../in-flight/ended-before.ts';
import { type Once, type OnceTry, requireOnce } from '../once/once-port.ts';
import { type WallClock, systemWallClock } from '../wall-clock.ts';
import { type RollbackId, rollbackKey } from './rollback-id.ts';

export type { Once, OnceTry } from '../once/once-port.ts';
export type { RollbackId } from './rollback-id.ts';
export type { WallClock } from '../wall-clock.ts';

/** Options of {@link createRollback}. Omitted ones take {@link rollbackDefaults}. */
export interface RollbackOptions {
  /** Keeps the records: `redisOnce(redis, { namespace: 'shop-prod' })`; `memoryOnce()` for one process. */
  readonly once: Once;
  /**
   * Time that an execute may take, the wait for another process included; it counts from the call, whatever the request had
   * left. Milliseconds, 1 to 3 600 000; Infinity has no limit. @defaultValue 30_000
   */
  readonly timeoutMs?: number;
  /** The calendar, by which times in ids are known. */
  readonly wallClock?: WallClock;
}

/** Every default of {@link createRollback}, in one place. */
export const rollbackDefaults: Required<Omit<RollbackOptions, 'once'>> = Object.freeze({
  timeoutMs: 30_000,
  wallClock: systemWallClock,
});

/** Undoes things once. */
export interface Rollback {
  /**
   * Runs `undo`, unless that was done for `id` before, or is just being done: then it promises what that came to. `context` is
   * the request's; its values go along, its end and its deadline do not.
   */
  execute<T>(
    context: Context,
    id: RollbackId,
    undo: (context: Context, grant: OnceTry) => T | PromiseLike<T>,
  ): Promise<T>;
  /**
   * Runs `undo` if nobody has for `id`, and promises whether it did. It is marked before it is run: if it fails, or its process
   * dies, nobody runs it again. For what is worse done twice than not at all.
   */
  executeAtMostOnce(context: Context, id: RollbackId, undo: (context: Context) => unknown): Promise<boolean>;
}

/**
 * Creates what undoes things once. It holds no state: one may serve any number of requests.
 *
 * @throws ConfigError at creation, when `once` is none or an option is out of range; from its methods, when `id` is not valid.
 * @throws what `once` rejects with from its methods: among others when its store does not answer, and when the lease was lost.
 * @throws the error of `undo`, unchanged; after `execute` the next caller tries again.
 * @throws DeadlineExceededError from its methods, when `timeoutMs` has passed.
 *
 * @example
 * ```ts
 * const rollback = createRollback({ once: redisOnce(redis, { namespace: 'shop-prod' }) });
 * await rollback.execute(context, { task: order.id, operation: 'refund' }, (own, { fencingToken }) =>
 *   payments.refund(order, fencingToken, own),
 * );
 * ```
 */
export function createRollback(options: RollbackOptions): Rollback {
  const { once, timeoutMs, wallClock } = withKnown('rollback', rollbackDefaults, options, ['once']);
  requireOnce('rollback.once', once ?? null);
  if (timeoutMs !== Infinity) inRange('rollback.timeoutMs', timeoutMs, [1, 3_600_000]);
  isFunction('rollback.wallClock', wallClock);
  const own = (context: Context): Context => context.withoutCancel().withTimeout(timeoutMs); // (2)

  return Object.freeze({
    async execute<T>(
      context: Context,
      id: RollbackId,
      undo: (context: Context, grant: OnceTry) => T | PromiseLike<T>,
    ): Promise<T> {
      requireContext('rollback.execute', context);
      isFunction('rollback.execute undo', undo);
      return once.run(rollbackKey(id, wallClock()), undo, own(context)); // (1), (3)
    },
    async executeAtMostOnce(context: Context, id: RollbackId, undo: (context: Context) => unknown): Promise<boolean> {
      requireContext('rollback.executeAtMostOnce', context);
      isFunction('rollback.executeAtMostOnce undo', undo);
      const limited = own(context);
      let isOurs = false;
      const mark = (): true => (isOurs = true);
      await once.run(rollbackKey(id, wallClock()), mark, limited);
      if (!isOurs) return false;
      await endedBefore(new Promise((resolve) => resolve(undo(limited))), limited, undefined); // (4)
      return true;
    },
  });
}
