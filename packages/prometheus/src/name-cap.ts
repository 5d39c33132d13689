/**
 * Name cap: which names of one kind have series of their own, and what the others come to together.
 *
 *   new ── a place is free ─► named ── gone ─► its place is free
 *    └──── none is ─────────► folded into `__other__`, for as long as it lives
 *
 * Nothing moves between the two, since a counter that moved would be counted twice or seem to be reset.
 *
 * Invariants
 *  (1) At most `maxNames` names of a kind have series of their own.
 *  (2) The counters of `__other__` never go back, also when one of the folded leaves.
 *  (3) Nothing is kept of what has gone; when the last of the folded goes, so does `__other__`.
 *
 * @module
 */

import { SeriesTable } from './series-table.ts';
import type { Subject } from './subject.ts';

/** The name under which everything above the cap is counted. */
const OTHER_NAME = '__other__';

/** The names of one kind. */
export class NameCap {
  readonly #named = new Set<string>();
  /** The counters of each folded subject as last read. */
  readonly #folded = new Map<string, readonly number[]>();
  #totals = new SeriesTable();

  /** Adds the series of `subjects`, which are all there are of the kind unless `isComplete` is false, to `table`. */
  collect(subjects: readonly Subject[], table: SeriesTable, scope: { maxNames: number; isComplete: boolean }): void {
    if (scope.isComplete) this.#forgetAllBut(subjects);
    for (const subject of subjects) {
      if (this.#isFolded(subject, scope.maxNames)) this.#fold(subject, table);
      else for (const [row, samples] of subject.read() ?? []) table.add(row, subject.name, samples);
    }
    if (this.#folded.size > 0) table.addAll(this.#totals);
  }

  // --- internal ---

  #forgetAllBut(subjects: readonly Subject[]): void {
    const names = new Set(subjects.map(({ name }) => name));
    const identities = new Set(subjects.map(({ identity }) => identity));
    for (const name of this.#named) if (!names.has(name)) this.#named.delete(name);
    for (const identity of this.#folded.keys()) if (!identities.has(identity)) this.#folded.delete(identity);
    if (this.#folded.size === 0) this.#totals = new SeriesTable(); // (3)
  }

  #isFolded({ identity, name }: Subject, maxNames: number): boolean {
    if (this.#folded.has(identity)) return true;
    if (this.#named.has(name)) return false;
    if (this.#named.size >= maxNames) {
      this.#folded.set(identity, []);
      return true;
    }
    this.#named.add(name); // (1)
    return false;
  }

  #fold({ identity, read }: Subject, table: SeriesTable): void {
    const samples = read();
    if (samples === undefined) return;
    const last = this.#folded.get(identity) ?? [];
    const counts: number[] = [];
    for (const [row, values] of samples) {
      if (row.type === 'gauge') {
        table.add(row, OTHER_NAME, values);
        continue;
      }
      const gained = values.map(({ labels, value }) => ({
        labels,
        value: gainSince(last[counts.push(value) - 1], value),
      }));
      this.#totals.add(row, OTHER_NAME, gained); // (2)
    }
    this.#folded.set(identity, counts);
  }
}

/** What a counter gained since it was last read; one that went back has started anew. */
function gainSince(last: number | undefined, value: number): number {
  return last === undefined || value < last ? value : value - last;
}
