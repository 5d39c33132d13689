/**
 * Last known good: the overrides that a process knows, kept where they survive it, for the start at which no store answers.
 *
 * Invariants
 *  (1) What is damaged, or sealed by somebody else, is refused as a whole.
 *  (2) Time that passed meanwhile is taken off what is left of an override; a calendar that went back adds nothing.
 *  (3) It is written one after the other, the newest last; a failure is told and delays nobody.
 *
 * @module
 */

import { type FeatureRecord, aged, isFeatureRecord } from './feature-record.ts';
import type { Seal } from './sha256.ts';

/** Where one text survives the process: a file, a config map. It may fail and hang. */
export interface SnapshotPort {
  /** Returns what was saved last; undefined when nothing was. */
  load(): Promise<string | undefined>;
  /** Replaces it, in one atomic step. */
  save(text: string): Promise<void>;
}

/** Returns records as one sealed text. */
export function sealRecords(records: readonly FeatureRecord[], savedAtMs: number, seal: Seal): string {
  const text = JSON.stringify({ version: VERSION, savedAtMs, records });
  return `${seal.seal(text)}\n${text}`;
}

/** Returns the records of a sealed text, as they are at `nowMs`. Throws on what is not as it was written. */
export function openRecords(sealed: string, nowMs: number, seal: Seal): readonly FeatureRecord[] {
  const split = sealed.indexOf('\n');
  const text = sealed.slice(split + 1);
  if (split < 0 || !seal.isSealed(text, sealed.slice(0, split)))
    throw new RangeError('the snapshot of features is damaged, or was sealed by somebody else'); // (1)
  const { version, savedAtMs, records } = JSON.parse(text) as Record<string, unknown>;
  if (
    version !== VERSION ||
    typeof savedAtMs !== 'number' ||
    !Array.isArray(records) ||
    !records.every(isFeatureRecord)
  )
    throw new RangeError('the snapshot of features has another form');
  return records.map((record) => aged(record, Math.max(0, nowMs - savedAtMs))); // (2)
}

/** Writes texts one after the other, leaving out those that are overtaken. */
export class SnapshotWriter {
  readonly #port: SnapshotPort;
  readonly #onFailure: (error: unknown) => void;
  #next: (() => string) | undefined = undefined;
  #isWriting = false;

  constructor(port: SnapshotPort, onFailure: (error: unknown) => void) {
    this.#port = port;
    this.#onFailure = onFailure;
  }

  /** Writes what `make` returns when its turn comes. */
  write(make: () => string): void {
    this.#next = make;
    if (!this.#isWriting) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    for (let make = this.#next; make !== undefined; make = this.#next) {
      this.#next = undefined;
      try {
        await this.#port.save(make()); // (3)
      } catch (error) {
        this.#onFailure(error);
      }
    }
    this.#isWriting = false;
  }
}

// --- internal ---

const VERSION = 1;
