/**
 * Crash journal: knows across restarts of the process how often it has crashed, so that the next start can be more careful.
 *
 *   begin() ─► unclean ends in `withinMs`: fewer than safeModeAfterCount ─► normal
 *                                          fewer than waitAfterCount ─────► safe-mode
 *                                          more ──────────────────────────► crash-loop: wait before you start, and then in safe mode
 *
 * Invariants
 *  (1) A start is unclean until `end` was called: a kill, a crash of the machine and an exit without it count alike.
 *  (2) Starts longer ago than `withinMs` do not count, and at most `MAX_STARTS` are kept.
 *      What passes while it waits as it was told to is no time: else the waits alone would make it forget a crash loop.
 *  (3) Calendar time that jumps back makes no start count that did not.
 *
 * @module
 */

import { ConfigError, integerInRange, inRange, isFunction, withKnown } from '@holdfast/core';

import type { RecordStore } from './record-store.ts';

/** One start of the process, as it is kept. Milliseconds since 1970. */
export interface StartRecord {
  readonly startedAt: number;
  /** Undefined while the process runs, and for ever if it crashed. */
  readonly endedAt?: number;
  /** How long it was told to wait, if it was. Milliseconds. */
  readonly waitMs?: number;
}

/** Options of {@link createCrashJournal}. Omitted ones take {@link crashJournalDefaults}. */
export interface CrashJournalOptions {
  /** Where starts are kept: `jsonFile('/var/lib/shop/starts.json')`, on a volume that outlives the process. */
  readonly store: RecordStore<readonly StartRecord[]>;
  /** Time that counts. Milliseconds, 1000 to 86 400 000. @defaultValue 300_000 */
  readonly withinMs?: number;
  /** Unclean ends from which on it starts in safe mode. Integer, 1 to 100. @defaultValue 3 */
  readonly safeModeAfterCount?: number;
  /** Unclean ends from which on it should wait before it starts. Integer, 1 to 100. @defaultValue 6 */
  readonly waitAfterCount?: number;
  /** The first wait; each further unclean end doubles it, up to five minutes. Milliseconds, 0 to 300 000. @defaultValue 10_000 */
  readonly baseWaitMs?: number;
  /** The calendar: `Date.now`. */
  readonly wallClock: () => number;
}

/** Every default of {@link createCrashJournal}, in one place. */
export const crashJournalDefaults: {
  readonly withinMs: number;
  readonly safeModeAfterCount: number;
  readonly waitAfterCount: number;
  readonly baseWaitMs: number;
} = Object.freeze({ withinMs: 300_000, safeModeAfterCount: 3, waitAfterCount: 6, baseWaitMs: 10_000 });

/** What the journal says about this start. */
export interface StartVerdict {
  readonly kind: 'normal' | 'safe-mode' | 'crash-loop';
  /** Starts within `withinMs` that have not ended well. */
  readonly uncleanCount: number;
  /** Milliseconds to wait before starting; 0 but for a crash loop. */
  readonly waitMs: number;
}

/** Starts and ends of one process. */
export interface CrashJournal {
  /** Notes that the process starts. Call it first. Called again it tells the same. */
  begin(): StartVerdict;
  /** Notes that the process ends as it should: call it when everything is closed. */
  end(): void;
}

/**
 * Creates the crash journal of one process.
 *
 * @throws ConfigError at creation, when an option is out of range.
 */
export function createCrashJournal(options: CrashJournalOptions): CrashJournal {
  const resolved = withKnown('crashJournal', crashJournalDefaults, options, ['store', 'wallClock']);
  const { store, wallClock } = resolved;
  if (typeof store?.read !== 'function' || typeof store.write !== 'function')
    throw new ConfigError('crashJournal.store', 'a RecordStore', store);
  isFunction('crashJournal.wallClock', wallClock);
  inRange('crashJournal.withinMs', resolved.withinMs, [1000, 86_400_000]);
  integerInRange('crashJournal.safeModeAfterCount', resolved.safeModeAfterCount, [1, 100]);
  integerInRange('crashJournal.waitAfterCount', resolved.waitAfterCount, [1, 100]);
  inRange('crashJournal.baseWaitMs', resolved.baseWaitMs, [0, MAX_WAIT_MS]);
  return new StartJournal(resolved);
}

// --- internal ---

const MAX_STARTS = 200;
const MAX_WAIT_MS = 300_000;

class StartJournal implements CrashJournal {
  readonly #options: Required<CrashJournalOptions>;
  #verdict: StartVerdict | undefined = undefined;
  #own: StartRecord | undefined = undefined;

  constructor(options: Required<CrashJournalOptions>) {
    this.#options = options;
  }

  begin(): StartVerdict {
    if (this.#verdict !== undefined) return this.#verdict;
    const now = this.#options.wallClock();
    const recent = this.#recent(now);
    this.#verdict = this.#judge(recent.filter(({ endedAt }) => endedAt === undefined).length);
    const { waitMs } = this.#verdict;
    this.#own = waitMs === 0 ? { startedAt: now } : { startedAt: now, waitMs };
    this.#options.store.write([...recent, this.#own].slice(-MAX_STARTS)); // (2)
    return this.#verdict;
  }

  end(): void {
    const own = this.#own;
    if (own === undefined) return;
    this.#own = undefined;
    const now = this.#options.wallClock();
    const others = this.#recent(now).filter(
      ({ startedAt, endedAt }) => startedAt !== own.startedAt || endedAt !== undefined,
    );
    this.#options.store.write([...others, { ...own, endedAt: now }].slice(-MAX_STARTS)); // (1)
  }

  // --- internal ---

  /** The starts that count, the oldest first. What is no start is dropped: the file may be anybody's. */
  #recent(now: number): StartRecord[] {
    const kept: unknown = this.#options.store.read();
    const starts = Array.isArray(kept) ? kept.filter(isStart) : [];
    const past = starts.filter(({ startedAt }) => startedAt <= now); // (3)
    const recent: StartRecord[] = [];
    let [next, waitedMs] = [now, 0];
    for (const start of past.toReversed()) {
      waitedMs += Math.min(start.waitMs ?? 0, Math.max(0, next - start.startedAt)); // it may have died while it waited
      next = start.startedAt;
      if (now - start.startedAt - waitedMs <= this.#options.withinMs) recent.unshift(start); // (2)
    }
    return recent;
  }

  #judge(uncleanCount: number): StartVerdict {
    const { safeModeAfterCount, waitAfterCount, baseWaitMs } = this.#options;
    if (uncleanCount >= waitAfterCount) {
      const waitMs = Math.min(MAX_WAIT_MS, baseWaitMs * 2 ** (uncleanCount - waitAfterCount));
      return { kind: 'crash-loop', uncleanCount, waitMs };
    }
    return { kind: uncleanCount >= safeModeAfterCount ? 'safe-mode' : 'normal', uncleanCount, waitMs: 0 };
  }
}

function isStart(value: unknown): value is StartRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { startedAt, waitMs = 0 } = value as Partial<StartRecord>;
  return typeof startedAt === 'number' && typeof waitMs === 'number' && waitMs >= 0;
}
