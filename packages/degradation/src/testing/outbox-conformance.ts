/**
 * Outbox conformance: what every outbox must do, as data that any test runner can run.
 *
 * A subject makes outboxes and lets time pass: virtual time for one in memory, real time for a server.
 *
 * @module
 */

import type { Outbox, OutboxEntry, TakeTerms } from '../outbox.ts';

/** What the suite is run on. */
export interface OutboxSubject {
  /** Makes handles of one outbox that nobody has used yet, as two processes have them; the same one twice, where there is no other. */
  handles(options: { readonly maxItems: number }): Promise<readonly [Outbox<unknown>, Outbox<unknown>]>;
  /** Lets so many milliseconds pass. */
  pass(ms: number): Promise<void>;
}

/** One case of the suite. */
export interface OutboxCase {
  readonly name: string;
  run(subject: OutboxSubject): Promise<void>;
}

/** What every outbox must do. */
export const outboxConformance: readonly OutboxCase[] = Object.freeze([
  {
    name: 'hands out items in the order in which they came, and lets go of those that are settled',
    run: (subject) =>
      withOutbox(subject, async ({ one, other }) => {
        for (const key of ['a', 'b', 'c']) is(await one.add(key, { of: key }), 'kept');
        is(await one.count(), { waiting: 3, taken: 0, dead: 0 });
        for (const [key, outbox] of [
          ['a', other],
          ['b', one],
          ['c', other],
        ] as const) {
          const entry = await taken(outbox);
          is([entry.key, entry.item, entry.attempt], [key, { of: key }, 1]);
          is((await one.count()).taken, 1);
          await outbox.settle(entry);
        }
        is(await other.count(), { waiting: 0, taken: 0, dead: 0 });
        is(await one.take(terms), { entry: undefined, waitMs: Infinity });
      }),
  },
  {
    name: 'keeps at most so many, those that are taken and the dead included',
    run: (subject) =>
      withOutbox(subject, async ({ one, other }) => {
        is([await one.add('a', 1), await other.add('b', 2), await one.add('c', 3)], ['kept', 'kept', 'kept']);
        is([await one.add('d', 4), await other.add('d', 4)], ['full', 'full']);
        const entry = await taken(one);
        is(await other.add('d', 4), 'full');
        await one.bury(entry, 'broken');
        is(await other.add('d', 4), 'full');
        await one.settle(await taken(one));
        is([await other.add('d', 4), await other.add('e', 5)], ['kept', 'full']);
      }),
  },
  {
    name: 'knows a key that waits, is taken, is dead or was settled, also where it is full',
    run: (subject) =>
      withOutbox(subject, async ({ one, other }) => {
        for (const key of ['a', 'b', 'c']) await one.add(key, key);
        is(await other.add('a', 'again'), 'known');
        const entry = await taken(one);
        is([await other.add('a', 'again'), await other.add('d', 'd')], ['known', 'full']);
        await one.settle(entry);
        is(await other.add('a', 'again'), 'known');
        await one.bury(await taken(one), 'broken');
        is(await other.add('b', 'again'), 'known');
        is(await one.count(), { waiting: 1, taken: 0, dead: 1 });
      }),
  },
  {
    name: 'gives an item to one taker while its lease lasts, and to another after it',
    run: (subject) =>
      withOutbox(subject, async ({ one, other, pass }) => {
        await one.add('a', 1);
        const first = await taken(one, { leaseMs: LEASE_MS, gapMs: 0 });
        is((await other.take({ leaseMs: LEASE_MS, gapMs: 0 })).entry, undefined);
        await pass(LEASE_MS + SLACK_MS);
        const second = await taken(other, { leaseMs: LEASE_MS, gapMs: 0 });
        is([second.key, second.attempt], ['a', 2]);
        await one.postpone(first, 0); // it has lost its lease: it does nothing any more
        await one.bury(first, 'broken');
        is(await one.count(), { waiting: 0, taken: 1, dead: 0 });
        await one.settle(first); // but it was delivered
        is(await one.count(), { waiting: 0, taken: 0, dead: 0 });
        await other.settle(second);
        await other.postpone(second, 0);
        is(await one.count(), { waiting: 0, taken: 0, dead: 0 });
      }),
  },
  {
    name: 'says how old an item is, and how often in a row it came to no end',
    run: (subject) =>
      withOutbox(subject, async ({ one, other, pass }) => {
        const lease = { leaseMs: LEASE_MS, gapMs: 0 };
        const lapse = (): Promise<void> => pass(LEASE_MS + SLACK_MS);
        await one.add('a', 1);
        is((await taken(one, lease)).unendedCount, 0);
        await lapse();
        const second = await taken(other, lease);
        is([second.unendedCount, second.ageMs >= LEASE_MS], [1, true]);
        await other.postpone(second, 0); // that one came to an end
        await lapse();
        const third = await taken(one, lease);
        is([third.unendedCount, third.attempt, third.ageMs >= 2 * LEASE_MS], [0, 3, true]);
        await one.bury(third, 'broken');
        await other.revive('a');
        const revived = await taken(other, lease);
        is([revived.unendedCount, revived.ageMs >= 0 && revived.ageMs < third.ageMs], [0, true]);
      }),
  },
  {
    name: 'says how old the first in line is, where it knows',
    run: (subject) =>
      withOutbox(subject, async ({ one, other, pass }) => {
        if (one.firstAgeMs === undefined) return;
        const ageMs = async (): Promise<number> => (await other.firstAgeMs?.()) ?? -1;
        await one.add('a', 1);
        await pass(LEASE_MS);
        const entry = await taken(one);
        is((await ageMs()) >= LEASE_MS - SLACK_MS, true); // what is taken is there still
        await one.bury(entry, 'broken');
        is(await ageMs(), -1); // the dead wait for a person
      }),
  },
  {
    name: 'settles what was delivered, wherever it is by then',
    run: (subject) =>
      withOutbox(subject, async ({ one, other, pass }) => {
        await one.add('a', 1);
        const late = await taken(one, { leaseMs: LEASE_MS, gapMs: 0 });
        await pass(LEASE_MS + SLACK_MS);
        await other.postpone(await taken(other, { leaseMs: LEASE_MS, gapMs: 0 }), 0);
        await one.settle(late);
        is(await one.count(), { waiting: 0, taken: 0, dead: 0 });

        await one.add('b', 1);
        const later = await taken(one, { leaseMs: LEASE_MS, gapMs: 0 });
        await pass(LEASE_MS + SLACK_MS);
        await other.bury(await taken(other, { leaseMs: LEASE_MS, gapMs: 0 }), 'broken');
        await one.settle(later);
        is(await one.count(), { waiting: 0, taken: 0, dead: 0 });
      }),
  },
  {
    name: 'lets go of nothing that was added since under the same key',
    run: (subject) =>
      withOutbox(subject, async ({ one, other }) => {
        await one.add('a', 'first');
        const first = await taken(one);
        await one.bury(first, 'broken');
        await other.discard('a');
        is(await other.add('a', 'second'), 'kept');
        await one.settle(first);
        await one.postpone(first, 0);
        await one.bury(first, 'broken');
        is(await one.count(), { waiting: 1, taken: 0, dead: 0 });
        const second = await taken(other);
        is([second.item, second.attempt], ['second', 1]);
        await one.settle(first);
        is((await one.count()).taken, 1);
        await other.bury(second, 'broken');
        await one.settle(first);
        is((await one.count()).dead, 1);
      }),
  },
  {
    name: 'puts what is postponed behind the others, counts its attempts, and pauses for all',
    run: (subject) =>
      withOutbox(subject, async ({ one, other, pass }) => {
        for (const key of ['a', 'b']) await one.add(key, key);
        await one.postpone(await taken(one), PAUSE_MS);
        const { entry, waitMs } = await other.take(terms);
        is([entry, waitMs > 0 && waitMs <= PAUSE_MS], [undefined, true]);
        await pass(PAUSE_MS + SLACK_MS);
        is((await taken(other)).key, 'b');
        const again = await taken(one);
        is([again.key, again.item, again.attempt], ['a', 'a', 2]);
      }),
  },
  {
    name: 'does nothing to an item that was taken again when an earlier taking is spoken of twice',
    run: (subject) =>
      withOutbox(subject, async ({ one }) => {
        await one.add('a', 1);
        const first = await taken(one);
        await one.postpone(first, 0);
        const second = await taken(one);
        await one.postpone(first, 0);
        await one.bury(first, 'broken');
        is((await one.take(terms)).entry, undefined);
        is([await one.count(), second.attempt], [{ waiting: 0, taken: 1, dead: 0 }, 2]);
      }),
  },
  {
    name: 'keeps the gap between takings, whoever takes',
    run: (subject) =>
      withOutbox(subject, async ({ one, other, pass }) => {
        for (const key of ['a', 'b']) await one.add(key, key);
        await taken(one, { leaseMs: 60_000, gapMs: PAUSE_MS });
        const { entry, waitMs } = await other.take(terms);
        is([entry, waitMs > 0 && waitMs <= PAUSE_MS], [undefined, true]);
        await pass(PAUSE_MS + SLACK_MS);
        is((await taken(other)).key, 'b');
      }),
  },
  {
    name: 'shows the dead, revives them with no attempt made, and discards them',
    run: (subject) =>
      withOutbox(subject, async ({ one, other }) => {
        for (const key of ['a', 'b', 'c']) await one.add(key, { of: key });
        for (const why of ['no account', 'no goods']) await one.bury(await taken(one), why);
        is(await other.dead(10), [
          { key: 'a', item: { of: 'a' }, attempt: 1, why: 'no account' },
          { key: 'b', item: { of: 'b' }, attempt: 1, why: 'no goods' },
        ]);
        is(
          (await other.dead(1)).map(({ key }) => key),
          ['a'],
        );
        is([await other.revive('a'), await other.revive('a'), await other.revive('c')], [true, false, false]);
        is([await one.discard('b'), await one.discard('b'), await one.discard('nothing')], [true, false, false]);
        is(await one.count(), { waiting: 2, taken: 0, dead: 0 });
        is((await taken(one)).key, 'c');
        const revived = await taken(one);
        is([revived.key, revived.attempt], ['a', 1]);
        is(await one.add('b', 'anew'), 'kept'); // what was discarded was not delivered
      }),
  },
  {
    name: 'refuses times that are none, and takes nothing',
    run: (subject) =>
      withOutbox(subject, async ({ one }) => {
        await one.add('a', 1);
        for (const odd of [-1, NaN, Infinity, 86_400_001]) {
          is(await nameOfError(one.take({ leaseMs: odd, gapMs: 0 })), 'ConfigError');
          is(await nameOfError(one.take({ leaseMs: 1000, gapMs: odd })), 'ConfigError');
        }
        is(await nameOfError(one.take({ leaseMs: 0, gapMs: 0 })), 'ConfigError');
        const entry = await taken(one);
        for (const odd of [-1, NaN, Infinity]) is(await nameOfError(one.postpone(entry, odd)), 'ConfigError');
        is([entry.attempt, await one.count()], [1, { waiting: 0, taken: 1, dead: 0 }]);
      }),
  },
  {
    name: 'refuses to show a number of dead that is none',
    run: (subject) =>
      withOutbox(subject, async ({ one }) => {
        for (const count of [0, -1, 1.5, 1001, NaN]) is(await nameOfError(one.dead(count)), 'ConfigError');
      }),
  },
]);

// --- internal ---

const LEASE_MS = 200;
const PAUSE_MS = 400;
/** By how much a clock of the server and that of the subject may differ. */
const SLACK_MS = 60;

const terms: TakeTerms = Object.freeze({ leaseMs: 60_000, gapMs: 0 });

interface Handles {
  readonly one: Outbox<unknown>;
  readonly other: Outbox<unknown>;
  readonly pass: (ms: number) => Promise<void>;
}

async function withOutbox(subject: OutboxSubject, run: (handles: Handles) => Promise<void>): Promise<void> {
  const [one, other] = await subject.handles({ maxItems: 3 });
  await run({ one, other, pass: (ms) => subject.pass(ms) });
}

async function taken(outbox: Outbox<unknown>, on = terms): Promise<OutboxEntry<unknown>> {
  const { entry } = await outbox.take(on);
  if (entry === undefined) throw new Error('there was nothing to take');
  return entry;
}

function nameOfError(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'none',
    (error: Error) => error.name,
  );
}

/** Fails unless both are the same as JSON, Infinity and undefined told apart from null. */
function is(actual: unknown, expected: unknown): void {
  const [got, wanted] = [actual, expected].map((value) => JSON.stringify(value, plain));
  if (got !== wanted) throw new Error(`it is ${got}, and should be ${wanted}`);
}

function plain(_key: string, value: unknown): unknown {
  return value === undefined || value === Infinity ? String(value) : value;
}
