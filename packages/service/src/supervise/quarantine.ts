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
 *  (4) Runs of one job side by side count each by itself; the death of the process, which ends them all, counts once.
 *  (5) A store that fails is reported, and changes nothing for the job.
 *
 * @module
 */

import {
  ConfigError,
  RejectionError,
  askHook,
  integerInRange,
  isFunction,
  isName,
  nameErrorClass,
  withKnown,
  callHook,
} from '@holdfast/core';

import { type RecordStore, memoryRecord } from './record-store.ts';
import { ChildExitError } from './supervised-body.ts';

/** Options of {@link createQuarantine}. Omitted ones take {@link quarantineDefaults}. */
export interface QuarantineOptions {
  /** Crashes after which a job is kept away. Integer, 1 to 1000. @defaultValue 2 */
  readonly maxCrashes?: number;
  /** Jobs whose crashes are remembered, those under way included. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxJobs?: number;
  /** Where crashes are kept: `jsonFile(path)` to remember those of the process itself. By default in memory. */
  readonly store?: RecordStore<readonly (readonly [id: string, crashCount: number])[]>;
  /**
   * Whether an error of a job means that what did it has died. By default a `ChildExitError` does. It must answer at once: a
   * promise, as a throw, is reported and counts as no.
   */
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
  if (typeof store?.read !== 'function' || typeof store.write !== 'function')
    throw new ConfigError('quarantine.store', 'a RecordStore', store);
  isFunction('quarantine.isCrash', isCrash);
  isFunction('quarantine.onQuarantined', onQuarantined);
  return new CrashCounts({ ...resolved, store, isCrash, onQuarantined });
}

// --- internal ---

nameErrorClass(QuarantinedError, 'QuarantinedError');

function isChildExit(error: unknown): boolean {
  return error instanceof ChildExitError;
}

/** What is known of one job. */
interface JobNotes {
  /** Runs that have crashed. */
  crashes: number;
  /** So many of those are made good, by a run that began after them and ended well. */
  forgiven: number;
  /** Runs under way. */
  running: number;
}

class CrashCounts implements Quarantine {
  readonly #options: Required<QuarantineOptions>;
  readonly #jobs = new Map<string, JobNotes>();
  readonly #told = new Set<string>();

  constructor(options: Required<QuarantineOptions>) {
    this.#options = options;
    for (const [id, crashes] of entriesOf(options.store.read()))
      this.#jobs.set(id, { crashes, forgiven: 0, running: 0 });
  }

  async run<T>(id: string, work: () => T | PromiseLike<T>): Promise<T> {
    isName('quarantine.run id', id);
    isFunction('quarantine.run work', work);
    this.#requireHarmless(id);
    const notes = this.#begin(id); // (2)
    const crashesBefore = notes.crashes;
    try {
      const value = await work();
      this.#endWell(id, notes, crashesBefore);
      return value;
    } catch (error) {
      const { isCrash } = this.#options;
      const hasCrashed = askHook(
        'isCrash',
        'quarantine',
        () => isCrash(error),
        () => false,
      );
      if (hasCrashed) this.#endInCrash(id, notes);
      else this.#endWell(id, notes, crashesBefore);
      throw error;
    }
  }

  list(): string[] {
    return [...this.#jobs.keys()].filter((id) => this.#crashCount(id) >= this.#options.maxCrashes);
  }

  release(id: string): boolean {
    const wasKnown = this.#jobs.delete(id);
    this.#told.delete(id);
    if (wasKnown) this.#write();
    return wasKnown;
  }

  // --- internal ---

  #requireHarmless(id: string): void {
    const count = this.#crashCount(id);
    if (count < this.#options.maxCrashes) return;
    this.#tell(id, count);
    throw new QuarantinedError(id, count); // (1)
  }

  /** Crashes of a job; the runs under way may end well. */
  #crashCount(id: string): number {
    const notes = this.#jobs.get(id);
    return notes === undefined ? 0 : notes.crashes - notes.forgiven;
  }

  #begin(id: string): JobNotes {
    const notes = this.#jobs.get(id) ?? { crashes: 0, forgiven: 0, running: 0 };
    notes.running++;
    this.#keep(id, notes);
    return notes;
  }

  #endWell(id: string, notes: JobNotes, crashesBefore: number): void {
    notes.running--;
    notes.forgiven = Math.max(notes.forgiven, crashesBefore); // not what has crashed beside it
    if (this.#jobs.get(id) !== notes) return; // released, or too long ago
    if (notes.running === 0 && notes.crashes === notes.forgiven) this.#jobs.delete(id);
    if (this.#crashCount(id) === 0) this.#told.delete(id);
    this.#write();
  }

  #endInCrash(id: string, notes: JobNotes): void {
    notes.running--;
    const known = this.#jobs.get(id) ?? notes;
    known.crashes++;
    this.#keep(id, known);
    const count = this.#crashCount(id);
    if (count >= this.#options.maxCrashes) this.#tell(id, count);
  }

  #tell(id: string, count: number): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    callHook('onQuarantined', 'quarantine', () => this.#options.onQuarantined(id, count));
  }

  /** Keeps what is known of a job as the newest. */
  #keep(id: string, notes: JobNotes): void {
    this.#jobs.delete(id);
    this.#jobs.set(id, notes);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > this.#options.maxJobs && oldest !== undefined) {
      this.#jobs.delete(oldest); // (3)
      this.#told.delete(oldest);
    }
    this.#write();
  }

  #write(): void {
    const record = [...this.#jobs].map(
      ([id, { crashes, forgiven, running }]) => [id, crashes - forgiven + Math.min(1, running)] as const, // (4)
    );
    callHook('store.write', 'quarantine', () => this.#options.store.write(record)); // (5)
  }
}

/** Crash counts by job, from what a store has kept: pairs, or an object as it was written before. What is neither is dropped. */
function entriesOf(kept: unknown): [string, number][] {
  if (typeof kept !== 'object' || kept === null) return [];
  const entries: unknown[] = Array.isArray(kept) ? kept : Object.entries(kept);
  return entries.filter(
    (entry): entry is [string, number] =>
      Array.isArray(entry) && typeof entry[0] === 'string' && Number.isInteger(entry[1]) && entry[1] > 0,
  );
}
