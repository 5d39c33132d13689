/**
 * Record intake: takes the records of other instances into the cells of this process, from the store and from what was kept for
 * the start, and finds what the store lacks.
 *
 * Invariants
 *  (1) What is no record changes nothing, whatever stands beside it.
 *  (2) A change of this process that another one takes the place of unseen is told.
 *
 * @module
 */

import type { FeatureCell } from './feature-cell.ts';
import { type FeatureRecord, isFeatureRecord, supersedes } from './feature-record.ts';
import type { OwnChanges } from './own-changes.ts';

/** What an intake needs. */
export interface RecordIntakeParts {
  readonly cells: ReadonlyMap<string, FeatureCell>;
  readonly own: OwnChanges;
  /** Is told when a record of the store is in force here now. */
  readonly onTaken: () => void;
}

/** Takes records in. */
export class RecordIntake {
  readonly #parts: RecordIntakeParts;

  constructor(parts: RecordIntakeParts) {
    this.#parts = parts;
  }

  /** Takes a record that the store delivered. Returns whether this process knows a later one. Throws a TypeError on what is none. */
  fromStore(record: FeatureRecord): boolean {
    if (!isFeatureRecord(record)) throw new TypeError('the store delivered something that is not a feature record'); // (1)
    const { cells, own, onTaken } = this.#parts;
    const cell = cells.get(record.feature);
    if (cell === undefined) return false; // without a cell it is another version's feature
    own.confirmed(record);
    const before = cell.record();
    if (!this.#take(cell, record, false)) return supersedes(before, record);
    onTaken();
    return false;
  }

  /** Takes a record that was kept for the start. */
  fromSnapshot(record: FeatureRecord): void {
    const cell = this.#parts.cells.get(record.feature);
    if (cell !== undefined) this.#take(cell, record, true);
  }

  /** The features of which this process knows what a store with these records does not: it lost that, or was away. */
  lackingIn(records: readonly unknown[]): readonly string[] {
    const loaded = new Map(records.filter(isFeatureRecord).map((record) => [record.feature, record])); // (1)
    const lacking = [...this.#parts.cells].filter(([name, cell]) => {
      const record = cell.record();
      return record.revision > 0 && supersedes(record, loaded.get(name) ?? NOTHING);
    });
    return lacking.map(([name]) => name);
  }

  #take(cell: FeatureCell, record: FeatureRecord, isFromBefore: boolean): boolean {
    const before = cell.record();
    const isTaken = cell.replace(record);
    if (isTaken) this.#parts.own.replaced(before, record, isFromBefore); // (2)
    return isTaken;
  }
}

// --- internal ---

const NOTHING = { revision: 0, origin: '' };
