/**
 * Journal: what happened, in words and in order: circuits that changed state, features that changed mode, acts.
 *
 * @module
 */

import type { CircuitTransitionEvent, Events, PolicyEvent } from '@holdfast/core';
import type { BrownoutShownEvent, FeatureChangedEvent } from '@holdfast/degradation';

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
  /** Adds a line of its own. */
  note(text: string): void;
  /** Stops listening. */
  close(): void;
}

/** How many entries a journal keeps. */
export const MAX_ENTRIES = 5;

/** Creates a journal of `events`. It asks `elapsedMs` for the time, and tells `onEntry` each entry. */
export function createJournal(
  events: Events,
  elapsedMs: () => number,
  onEntry: (entry: JournalEntry) => void = () => {},
): Journal {
  const entries: JournalEntry[] = [];
  const note = (text: string): void => {
    const entry = { atMs: elapsedMs(), text };
    entries.push(entry);
    if (entries.length > MAX_ENTRIES) entries.shift();
    onEntry(entry);
  };
  const stop = events.listen((event) => {
    const text = textOf(event);
    if (text !== undefined) note(text);
  });
  return { entries, note, close: stop };
}

// --- internal ---

function textOf(event: PolicyEvent): string | undefined {
  switch (event.type) {
    case 'circuit-breaker.transitioned': {
      const { name, from, to } = event as CircuitTransitionEvent;
      return `circuit ${name}: ${from} -> ${to}`;
    }
    case 'feature.changed': {
      const { name, from, to, actor, cause } = event as FeatureChangedEvent;
      if (cause === 'expired' && from === to) return `feature ${name}: its override has expired, back in steps`;
      const why = cause === 'restoring' ? 'restored in steps' : cause === 'expired' ? 'expired' : actor;
      return `feature ${name}: ${from} -> ${to} (${why})`;
    }
    case 'brownout.shown': {
      const { from, to, reason } = event as BrownoutShownEvent;
      return `brownout level ${from} -> ${to}: ${/: (.*?) \(/.exec(reason)?.[1] ?? reason}`;
    }
    default:
      return undefined;
  }
}
