/**
 * Journal: what happened, in words and in order.
 *
 * @module
 */

/** One thing that happened. */
export interface JournalEntry {
  /** Milliseconds since the start of the run. */
  readonly atMs: number;
  readonly text: string;
}

/** The last things that happened. */
export interface Journal {
  /** Oldest first, at most {@link MAX_ENTRIES}. */
  readonly entries: readonly JournalEntry[];
  readonly note: (text: string) => void;
}

/** How many entries a journal keeps. */
export const MAX_ENTRIES = 6;

/** Creates a journal. It tells `onEntry` each entry. */
export function createJournal(onEntry: (entry: JournalEntry) => void = () => {}): Journal {
  const startedAt = performance.now();
  const entries: JournalEntry[] = [];
  return {
    entries,
    note(text) {
      const entry = { atMs: performance.now() - startedAt, text };
      entries.push(entry);
      if (entries.length > MAX_ENTRIES) entries.shift();
      onEntry(entry);
    },
  };
}
