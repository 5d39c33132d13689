/**
 * Name cap: which names of one kind, or which keys of one keyed policy, have series of their own, and what the others come to
 * together.
 *
 *   new ── a place is free ─► named ── gone ─► its place is free
 *    └──── none is ─────────► folded into `__other__`, for as long as it lives
 *
 * Nothing moves between the two, since a counter that moved would be counted twice or seem to be reset.
 *
 * Invariants
 *  (1) At most `max` names or keys have series of their own.
 *  (2) The counters of `__other__` never go back, also when one of the folded leaves.
 *  (3) Nothing is kept of what has gone; when the last of the folded goes, so does `__other__`, unless something of that name
 *      is there by itself: its counters would seem to go back.
 *
 * @module
 */

import { FoldedSeries } from './folded-series.ts';
import type { Place, SeriesTable } from './series-table.ts';
import type { Subject } from './subject.ts';

/** The name, or the key, under which everything above the cap is counted. */
export const OTHER = '__other__';

/** How a cap is applied. */
export interface CapScope {
  /** Names or keys that have series of their own. */
  readonly max: number;
  /** Whether the subjects are all there are. */
  readonly isComplete: boolean;
}

/** The names of one kind, or the keys of one keyed policy. */
export class NameCap {
  readonly #named = new Set<string>();
  /** The counters of each folded subject as last read. */
  readonly #folded = new Map<string, readonly number[]>();
  #totals = new FoldedSeries();

  /** Adds the series of `subjects`, which are all of one kind or of one keyed policy, to `table`. */
  collect(subjects: readonly Subject[], table: SeriesTable, scope: CapScope): void {
    if (scope.isComplete) this.#forgetAllBut(subjects);
    const gauges = new FoldedSeries();
    for (const subject of subjects) {
      if (this.#isFolded(subject, scope.max)) this.#fold(subject, gauges);
      else for (const [row, samples] of subject.read() ?? []) table.add(row, subject.place, samples);
    }
    const one = subjects.find((subject) => isOther(subject) || this.#folded.has(subject.identity));
    if (one !== undefined) {
      gauges.addTo(table, otherThan(one.place));
      this.#totals.addTo(table, otherThan(one.place));
    } else if (scope.isComplete) this.#totals = new FoldedSeries(); // (3)
  }

  // --- internal ---

  #forgetAllBut(subjects: readonly Subject[]): void {
    if (this.#named.size > 0) {
      const slots = new Set(subjects.map(slotOf));
      for (const slot of this.#named) if (!slots.has(slot)) this.#named.delete(slot);
    }
    if (this.#folded.size === 0) return;
    const identities = new Set(subjects.map(({ identity }) => identity));
    for (const identity of this.#folded.keys()) if (!identities.has(identity)) this.#folded.delete(identity);
  }

  #isFolded(subject: Subject, max: number): boolean {
    const slot = slotOf(subject);
    if (this.#folded.has(subject.identity)) return true;
    if (this.#named.has(slot) || subject.place.key === OTHER) return false;
    if (this.#named.size >= max) {
      this.#folded.set(subject.identity, []);
      return true;
    }
    this.#named.add(slot); // (1)
    return false;
  }

  #fold({ identity, read }: Subject, gauges: FoldedSeries): void {
    const samples = read();
    if (samples === undefined) return;
    const last = this.#folded.get(identity) ?? [];
    const counts: number[] = [];
    for (const [row, values] of samples) {
      for (const [at, { labels, value }] of values.entries()) {
        if (row.type === 'gauge') gauges.add(row, { at, labels, value });
        else this.#totals.add(row, { at, labels, value: gainSince(last[counts.push(value) - 1], value) }); // (2)
      }
    }
    this.#folded.set(identity, counts);
  }
}

function slotOf({ place: { name, key } }: Subject): string {
  return key ?? name;
}

function isOther(subject: Subject): boolean {
  return slotOf(subject) === OTHER;
}

function otherThan({ name, key }: Place): Place {
  return key === undefined ? { name: OTHER } : { name, key: OTHER };
}

/** What a counter gained since it was last read; one that went back has started anew. */
function gainSince(last: number | undefined, value: number): number {
  return last === undefined || value < last ? value : value - last;
}
