import { describe, expect, it } from 'vitest';

import { type CrashJournalOptions, type StartRecord, createCrashJournal } from './crash-journal.ts';
import { memoryRecord } from './record-store.ts';

/** A process that is started again and again; `now` is the calendar. */
function subject(options: Partial<CrashJournalOptions> = {}) {
  const store = memoryRecord<readonly StartRecord[]>();
  const calendar = { now: 1_000_000 };
  const start = () => createCrashJournal({ store, wallClock: () => calendar.now, ...options });
  const crash = (afterMs = 1000): string => {
    const { kind } = start().begin();
    calendar.now += afterMs;
    return kind;
  };
  return { store, calendar, start, crash };
}

describe('createCrashJournal', () => {
  it('(1) starts as ever, then in safe mode, and then tells to wait, as unclean ends pile up', () => {
    const { crash, start } = subject();
    const kinds = Array.from({ length: 7 }, () => crash());

    expect(kinds).toEqual(['normal', 'normal', 'normal', 'safe-mode', 'safe-mode', 'safe-mode', 'crash-loop']);
    expect(start().begin()).toEqual({ kind: 'crash-loop', uncleanCount: 7, waitMs: 20_000 });
    for (let more = 0; more < 20; more++) crash(1);
    expect(start().begin().waitMs).toBe(300_000);
  });

  it('(1) does not count ends that were told, and tells a start the same twice', () => {
    const { start, calendar, store } = subject();
    for (let times = 0; times < 10; times++) {
      const journal = start();
      expect(journal.begin()).toBe(journal.begin());
      calendar.now += 1000;
      journal.end();
      journal.end();
    }
    expect(start().begin()).toEqual({ kind: 'normal', uncleanCount: 0, waitMs: 0 });
    expect(store.read()?.filter(({ endedAt }) => endedAt === undefined)).toHaveLength(1);
    createCrashJournal({ store, wallClock: () => 0 }).end(); // never begun: nothing to end
  });

  it('(2) forgets what is long ago, and keeps no more than two hundred', () => {
    const { crash, start, calendar, store } = subject();
    for (let times = 0; times < 5; times++) crash();
    calendar.now += 296_000;
    expect(start().begin().uncleanCount).toBe(4);
    calendar.now += 300_001;
    expect(start().begin().kind).toBe('normal');
    for (let times = 0; times < 250; times++) crash(1);
    expect(store.read()).toHaveLength(200);
  });

  it('(2) does not forget a loop for its own waits: what dies a second after each is told to wait ever longer', () => {
    const { start, calendar, store } = subject();
    const waits: number[] = [];
    for (let starts = 0; starts < 30; starts++) {
      const { kind, waitMs } = start().begin();
      calendar.now += waitMs + 1000;
      if (starts >= 6) expect(kind).toBe('crash-loop');
      waits.push(waitMs);
    }
    expect(waits.slice(5, 12)).toEqual([0, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000]);
    expect(waits.slice(12).every((waitMs) => waitMs === 300_000)).toBe(true);

    const last = start();
    calendar.now += last.begin().waitMs + 300_001; // it lives, and so the loop is over
    last.end();
    expect(start().begin()).toEqual({ kind: 'normal', uncleanCount: 0, waitMs: 0 });
    store.write([{ startedAt: calendar.now, waitMs: 'x' } as never]);
    expect(start().begin().uncleanCount).toBe(0);
  });

  it('(2) counts the time of what did not wait as it was told to', () => {
    const { start, calendar, crash } = subject();
    for (let starts = 0; starts < 12; starts++) crash(1000);
    calendar.now += 600_000; // told to wait 300 seconds, and up for 300 more
    expect(start().begin().uncleanCount).toBeLessThan(3);
  });

  it('(3) counts nothing from the future, and nothing that is no start', () => {
    const { start, calendar, store, crash } = subject();
    for (let times = 0; times < 5; times++) crash();
    calendar.now -= 3_600_000;
    expect(start().begin().kind).toBe('normal');
    for (const rubbish of ['text', { a: 1 }, [null, 1, { startedAt: 'x' }]]) {
      store.write(rubbish as never);
      expect(start().begin()).toMatchObject({ kind: 'normal', uncleanCount: 0 });
    }
  });

  it.each([
    [{ store: {} }, 'crashJournal.store must be a RecordStore'],
    [{ wallClock: 1 }, 'crashJournal.wallClock must be a function'],
    [{ withinMs: 1 }, 'crashJournal.withinMs must be a number from 1000'],
    [{ safeModeAfterCount: 0 }, 'crashJournal.safeModeAfterCount must be an integer from 1'],
    [{ waitAfterCount: 0 }, 'crashJournal.waitAfterCount must be an integer from 1'],
    [{ baseWaitMs: -1 }, 'crashJournal.baseWaitMs must be a number from 0'],
  ])('refuses the options %j', (options, message) => {
    const all = { store: memoryRecord(), wallClock: () => 0, ...options };

    expect(() => createCrashJournal(all as CrashJournalOptions)).toThrow(message);
  });
});
