/**
 * Last known good: the overrides that a process knows, kept where they survive it, for the start at which no store answers.
 *
 * Invariants
 *  (1) What is damaged, unsealed, sealed by somebody else, of another form or too old is refused as a whole, and told.
 *  (2) Time that passed meanwhile is taken off what is left of an override; a calendar that went back adds nothing.
 *  (3) Loading holds up nobody for longer than `MAX_LOAD_MS`; what comes later still counts.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

import { FeatureError } from './feature-error.ts';
import { type FeatureRecord, aged, isFeatureRecord } from './feature-record.ts';
import type { Seal } from './sha256.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

/** Where one text survives the process: a file, a config map. It may fail and hang. */
export interface SnapshotPort {
  /** Returns what was saved last; undefined when nothing was. */
  load(): Promise<string | undefined>;
  /** Replaces it, in one atomic step. */
  save(text: string): Promise<void>;
}

/** How a snapshot is opened. */
export interface SnapshotRules {
  readonly seal: Seal;
  /** The oldest that will do. Milliseconds. */
  readonly maxAgeMs: number;
}

/** What keeps the last known good of one process. */
export interface LastKnownGoodParts extends SnapshotRules {
  readonly port: SnapshotPort;
  readonly clock: Clock;
  /** Time between a change and its being kept. Milliseconds. */
  readonly saveDelayMs: number;
  /** Tells the calendar time. Must not throw. */
  readonly wallClock: () => number;
  /** Returns what is worth keeping. */
  readonly records: () => readonly FeatureRecord[];
  /** Takes what was kept. */
  readonly adopt: (record: FeatureRecord) => void;
  /** Must not throw. */
  readonly onFailure: (operation: 'load-last-known-good' | 'save-last-known-good', error: unknown) => void;
}

/** Returns records as one sealed text. */
export function sealRecords(records: readonly FeatureRecord[], savedAtMs: number, seal: Seal): string {
  const text = JSON.stringify({ version: VERSION, savedAtMs, records });
  return `${seal.seal(text)}\n${text}`;
}

/**
 * Returns the records of a sealed text, as they are at `nowMs`.
 *
 * @throws FeatureError `SNAPSHOT_REFUSED` on what is not as it was written, or too old; `field` says which.
 */
export function openRecords(
  sealed: string,
  nowMs: number,
  { seal, maxAgeMs }: SnapshotRules,
): readonly FeatureRecord[] {
  const split = sealed.indexOf('\n');
  const text = sealed.slice(split + 1);
  if (split < 0 || !seal.isSealed(text, sealed.slice(0, split)))
    throw refusal('seal', 'it is damaged, not sealed, or sealed with another secret'); // (1)
  const { version, savedAtMs, records } = parsed(text);
  if (
    version !== VERSION ||
    typeof savedAtMs !== 'number' ||
    !Array.isArray(records) ||
    !records.every(isFeatureRecord)
  )
    throw refusal('form', 'it has the form of another version');
  const ageMs = Math.max(0, nowMs - savedAtMs);
  if (ageMs > maxAgeMs) throw refusal('age', `it is ${Math.round(ageMs)} ms old, more than ${maxAgeMs}`); // (1)
  return records.map((record) => aged(record, ageMs)); // (2)
}

/** The last known good of one process: taken in once, and kept after each change. */
export class LastKnownGood {
  /** Resolves when what was kept is known, refused or late. Never rejects. */
  readonly loaded: Promise<void>;
  readonly #parts: LastKnownGoodParts;
  readonly #writer: SnapshotWriter;
  #wait: Timer | undefined = undefined;
  #isClosed = false;

  constructor(parts: LastKnownGoodParts) {
    const { port, clock, saveDelayMs: delayMs, onFailure } = parts;
    this.#parts = parts;
    const onWriteFailure = (error: unknown): void => onFailure('save-last-known-good', error);
    this.#writer = new SnapshotWriter({ port, clock, delayMs, onFailure: onWriteFailure });
    this.loaded = this.#loadInTime();
  }

  /** Keeps what is known, soon. */
  keep(): void {
    const { records, wallClock, seal } = this.#parts;
    this.#writer.write(() => sealRecords(records(), wallClock(), seal));
  }

  /** Begins to write what has not been, and ends. */
  close(): void {
    this.#isClosed = true;
    this.#wait?.cancel();
    this.#writer.close();
  }

  #loadInTime(): Promise<void> {
    return new Promise((resolve) => {
      this.#wait = this.#parts.clock.setTimer(resolve, MAX_LOAD_MS); // (3)
      this.#wait.unref();
      void this.#load().finally(() => {
        this.#wait?.cancel();
        resolve();
      });
    });
  }

  async #load(): Promise<void> {
    const { port, wallClock, adopt, onFailure } = this.#parts;
    try {
      const sealed = await port.load();
      if (sealed === undefined || this.#isClosed) return;
      for (const record of openRecords(sealed, wallClock(), this.#parts)) adopt(record);
    } catch (error) {
      onFailure('load-last-known-good', error); // (1)
    }
  }
}

/** Returns the refusal of a snapshot; `field` is what is wrong with it. */
export function refusal(field: 'seal' | 'form' | 'age' | 'size' | 'permissions', why: string): FeatureError {
  return new FeatureError('SNAPSHOT_REFUSED', `the kept snapshot of features is not used: ${why}`, { field });
}

// --- internal ---

const VERSION = 1;

/** Of the 500 ms that a start may take, what is left to the last known good; the rest is the store's. */
const MAX_LOAD_MS = 200;

function parsed(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    throw refusal('form', 'it is no JSON');
  }
}
