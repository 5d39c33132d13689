/**
 * Memory once: runs a job once for a key in this process. A restart forgets everything: for a fleet, or for what must not happen
 * twice at all, take `redisOnce` of @holdfast/redis.
 *
 *   free ── run ─► running ── succeeds ─► done ── resultTtlMs, or forgotten for newer ones ─► free
 *    ▲                └────── fails ────► free: the next of those who wait runs its own job
 *    └───────────────────────────────────┘
 *
 * Invariants
 *  (1) Of one key at most one job runs at a time.
 *  (2) Once a job has succeeded, all callers get its value until `resultTtlMs` has passed, and no job of the key starts.
 *  (3) At most `maxKeys` results are kept, the newest.
 *  (4) Nobody waits longer than its own context lasts, for its own job or another's. A job goes on, and counts when it is done.
 *
 * @module
 */

import {
  type Clock,
  Context,
  inRange,
  integerInRange,
  isFunction,
  isName,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { endedBefore } from '../in-flight/ended-before.ts';
import type { Once, OnceTry } from './once-port.ts';

/** Options of {@link memoryOnce}. Omitted ones take {@link memoryOnceDefaults}. */
export interface MemoryOnceOptions {
  /** Time for which a result is kept, and the job not run again. Milliseconds, 1 to 2 592 000 000. @defaultValue 3_600_000 */
  readonly resultTtlMs?: number;
  /** Results that are kept, the newest. Integer, 1 to 10 000 000. @defaultValue 100_000 */
  readonly maxKeys?: number;
  /** Source of time. */
  readonly clock?: Clock;
}

/** Every default of {@link memoryOnce}, in one place. */
export const memoryOnceDefaults: Required<MemoryOnceOptions> = Object.freeze({
  resultTtlMs: 3_600_000,
  maxKeys: 100_000,
  clock: systemClock,
});

/**
 * Creates what runs jobs once in this process.
 *
 * @throws ConfigError at creation, when an option is out of range; from run, when the key is no text.
 * @throws the job's error from run, unchanged, when it failed here.
 * @throws `context.cause` from run, when the context ended first.
 */
export function memoryOnce(options: MemoryOnceOptions = {}): Once {
  const settings = withKnown('memoryOnce', memoryOnceDefaults, options);
  inRange('memoryOnce.resultTtlMs', settings.resultTtlMs, [1, 2_592_000_000]);
  integerInRange('memoryOnce.maxKeys', settings.maxKeys, [1, 10_000_000]);
  return new OnceInMemory(settings);
}

// --- internal ---

interface Result {
  readonly value: unknown;
  readonly goodUntil: number;
}

const nothing = (): void => {};

class OnceInMemory implements Once {
  readonly #settings: Required<MemoryOnceOptions>;
  readonly #results = new Map<string, Result>();
  readonly #running = new Map<string, Promise<void>>();
  #tokens = 0;

  constructor(settings: Required<MemoryOnceOptions>) {
    this.#settings = settings;
  }

  async run<T>(
    key: string,
    job: (context: Context, grant: OnceTry) => T | PromiseLike<T>,
    context: Context = Context.background,
  ): Promise<T> {
    isName('once.run key', key);
    isFunction('once.run job', job);
    requireContext('once.run', context);
    for (let attempt = 1; ; attempt++) {
      context.throwIfCancelled();
      const result = this.#resultOf(key);
      if (result !== undefined) return result.value as T; // (2)
      const running = this.#running.get(key);
      if (running !== undefined) {
        await endedBefore(running, context, this.#settings.clock); // (1) (4)
        continue;
      }
      const begun = this.#start(key, () => job(context, { fencingToken: ++this.#tokens, attempt }));
      return endedBefore(begun, context, this.#settings.clock); // (4)
    }
  }

  // --- internal ---

  /** Runs a job to its end, whoever waits for it. What it comes to is told when it is kept. */
  async #start<T>(key: string, job: () => T | PromiseLike<T>): Promise<T> {
    let end = nothing;
    this.#running.set(key, new Promise<void>((resolve) => (end = resolve))); // (1): a job may ask for its own key
    try {
      const value = await job();
      this.#keep(key, value);
      return value;
    } finally {
      this.#running.delete(key);
      end();
    }
  }

  #resultOf(key: string): Result | undefined {
    const result = this.#results.get(key);
    if (result === undefined || result.goodUntil > this.#settings.clock.now()) return result;
    this.#results.delete(key);
    return undefined;
  }

  #keep(key: string, value: unknown): void {
    const { resultTtlMs, maxKeys, clock } = this.#settings;
    this.#results.set(key, { value, goodUntil: clock.now() + resultTtlMs });
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= maxKeys) return; // (3)
      this.#results.delete(oldest);
    }
  }
}
