/**
 * Quarantine: keeps work away that has brought down who did it, so that one poisonous job does not bring down all after it.
 *
 *   run(id) ── begun fewer than maxCrashes times without an end ─► noted, then done ── ends, well or not ─► note removed
 *      └────── else ─► QuarantinedError                                └── crashes: the process dies, or `isCrash` says so ─► note stays
 *
 * Invariants
 *  (1) A job that has crashed `maxCrashes` times is not begun again, until it is released.
 *  (2) The note is written before the job begins, and removed only when it has ended and that was no crash.
 *  (3) At most `maxJobs` notes are kept; the oldest go.
 *
 * @module
 */

import {
  ConfigError,
  RejectionError,
  integerInRange,
  isFunction,
  isName,
  nameErrorClass,
  withKnown,
} from '@holdfast/core';

import { callHook } from '../ports/tell.ts';
import { type RecordStore, memoryRecord } from './record-store.ts';
import { ChildExitError } from './supervised-body.ts';

/** Options of {@link createQuarantine}. Omitted ones take {@link quarantineDefaults}. */
export interface QuarantineOptions {
  /** Crashes after which a job is kept away. Integer, 1 to 1000. @defaultValue 2 */
  readonly maxCrashes?: number;
  /** Jobs whose crashes are remembered, those under way included. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxJobs?: number;
  /** Where crashes are kept: `jsonFile(path)` to remember those of the process itself. By default in memory. */
  readonly store?: RecordStore<Readonly<Record<string, number>>>;
  /** Whether an error of a job means that what did it has died. By default a `ChildExitError` does. */
  readonly isCrash?: (error: unknown) => boolean;
  /** Told when a job is kept away for the first time: put it where people look. */
  readonly onQuarantined?: (id: string, crashCount: number) => unknown;
}

/** Every default of {@link createQuarantine}, in one place. */
export const quarantineDefaults: { readonly maxCrashes: number; readonly maxJobs: number } = Object.freeze({
  maxCrashes: 2,
  maxJobs: 10_000,
});

/** The job has crashed too often and is kept away. It did not run. */
export class QuarantinedError extends RejectionError {
  readonly code = 'QUARANTINED';
  readonly id: string;
  readonly crashCount: number;

  constructor(id: string, crashCount: number) {
    super(`the job ${id} has crashed ${crashCount} times and is kept away`);
    this.id = id;
    this.crashCount = crashCount;
  }
}

/** Keeps poisonous work away. */
export interface Quarantine {
  /** Does `work`, unless the job with that id has crashed too often. Settles as the work does. */
  run<T>(id: string, work: () => T | PromiseLike<T>): Promise<T>;
  /** Ids of the jobs that are kept away. */
  list(): string[];
  /** Lets a job be done again. Returns whether anything was known of it. */
  release(id: string): boolean;
}

/**
 * Creates a quarantine.
 *
 * @throws ConfigError at creation, when an option is out of range; from run, when an argument is.
 * @throws QuarantinedError from run, when the job is kept away.
 */
export function createQuarantine(options: QuarantineOptions = {}): Quarantine {
  const names = ['store', 'isCrash', 'onQuarantined'];
  const resolved = withKnown('quarantine', quarantineDefaults, options, names);
  integerInRange('quarantine.maxCrashes', resolved.maxCrashes, [1, 1000]);
  integerInRange('quarantine.maxJobs', resolved.maxJobs, [1, 1_000_000]);
  const { store = memoryRecord(), isCrash = isChildExit, onQuarantined = () => {} } = resolved;
  if (typeof store?.read !== 'function') throw new ConfigError('quarantine.store', 'a RecordStore', store);
  isFunction('quarantine.isCrash', isCrash);
  isFunction('quarantine.onQuarantined', onQuarantined);
  return new CrashCounts({ ...resolved, store, isCrash, onQuarantined });
}

// --- internal ---

nameErrorClass(QuarantinedError, 'QuarantinedError');

function isChildExit(error: unknown): boolean {
  return error instanceof ChildExitError;
}

class CrashCounts implements Quarantine {
  readonly #options: Required<QuarantineOptions>;
  readonly #counts: Map<string, number>;
  /** Runs under way by job. */
  readonly #underWay = new Map<string, number>();
  readonly #told = new Set<string>();

  constructor(options: Required<QuarantineOptions>) {
    this.#options = options;
    const kept: unknown = options.store.read();
    const entries = typeof kept === 'object' && kept !== null ? Object.entries(kept) : [];
    this.#counts = new Map(entries.filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
  }

  async run<T>(id: string, work: () => T | PromiseLike<T>): Promise<T> {
    isName('quarantine.run id', id);
    isFunction('quarantine.run work', work);
    this.#requireHarmless(id);
    this.#begin(id); // (2)
    try {
      const value = await work();
      this.#end(id, false);
      return value;
    } catch (error) {
      this.#end(
        id,
        answer(() => this.#options.isCrash(error)),
      );
      throw error;
    }
  }

  list(): string[] {
    return [...this.#counts.keys()].filter((id) => this.#crashCount(id) >= this.#options.maxCrashes);
  }

  release(id: string): boolean {
    return this.#forget(id);
  }

  // --- internal ---

  #requireHarmless(id: string): void {
    const count = this.#crashCount(id);
    if (count < this.#options.maxCrashes) return;
    this.#tell(id, count);
    throw new QuarantinedError(id, count); // (1)
  }

  /** Crashes of a job: the runs under way have noted themselves, and may end well. */
  #crashCount(id: string): number {
    return (this.#counts.get(id) ?? 0) - (this.#underWay.has(id) ? 1 : 0);
  }

  #begin(id: string): void {
    const underWay = this.#underWay.get(id) ?? 0;
    if (underWay === 0) this.#note(id, (this.#counts.get(id) ?? 0) + 1);
    this.#underWay.set(id, underWay + 1);
  }

  #end(id: string, isCrash: boolean): void {
    const left = (this.#underWay.get(id) ?? 1) - 1;
    if (left > 0) this.#underWay.set(id, left);
    else this.#underWay.delete(id);
    if (!isCrash && left === 0) this.#forget(id);
    const count = this.#crashCount(id);
    if (isCrash && count >= this.#options.maxCrashes) this.#tell(id, count);
  }

  #tell(id: string, count: number): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    callHook('onQuarantined', 'quarantine', () => this.#options.onQuarantined(id, count));
  }

  #note(id: string, count: number): void {
    this.#counts.delete(id);
    this.#counts.set(id, count);
    const [oldest] = this.#counts.keys();
    if (this.#counts.size > this.#options.maxJobs && oldest !== undefined) {
      this.#counts.delete(oldest); // (3)
      this.#told.delete(oldest);
    }
    this.#write();
  }

  #forget(id: string): boolean {
    const wasKnown = this.#counts.delete(id);
    this.#told.delete(id);
    if (wasKnown) this.#write();
    return wasKnown;
  }

  #write(): void {
    this.#options.store.write(Object.fromEntries(this.#counts));
  }
}

/** What a hook answers; one that throws has said no. */
function answer(ask: () => boolean): boolean {
  let isYes = false;
  callHook('isCrash', 'quarantine', () => {
    isYes = ask();
  });
  return isYes;
}
