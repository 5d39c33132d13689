import { describe, expect, it, onTestFinished } from 'vitest';

import { type Context, type HookError, createEvents, onHookError } from '@holdfast/core';
import { recordEvents, virtualClock } from '@holdfast/core/testing';

import { type DeferralOptions, createDeferral } from './deferral.ts';
import { memoryOutbox } from './memory-outbox.ts';
import type { OutboxEntry, TakeTerms } from './outbox.ts';

const odd = 'a thrown object that has no text';

function setUp(options: Partial<DeferralOptions<string>> = {}) {
  const clock = virtualClock();
  const outbox = memoryOutbox<string>({ maxItems: 100, clock });
  const state = { isDeferred: true };
  const delivered: [number, string][] = [];
  const dead: string[] = [];
  const events = createEvents();
  const made = (): ReturnType<typeof createDeferral<string>> => {
    const deferral = createDeferral<string>({
      outbox,
      keyOf: (item) => item,
      deliver: (item) => void delivered.push([clock.now(), item]),
      isDeferred: () => state.isDeferred,
      onDead: (item) => void dead.push(item),
      maxPerSecond: 2,
      minDeadAfterMs: 0,
      clock,
      random: () => 0.5,
      events,
      ...options,
    });
    onTestFinished(() => deferral.close());
    return deferral;
  };
  return { clock, outbox, state, delivered, dead, events, made, deferral: made() };
}

/** What hooks threw while the test ran. */
function hookErrors(): HookError[] {
  const errors: HookError[] = [];
  const before = onHookError((error) => void errors.push(error));
  onTestFinished(() => void onHookError(before));
  return errors;
}

describe('drain', () => {
  it('(1) delivers nothing while the feature defers, and then one after the other at the rate', async () => {
    const { clock, state, delivered, deferral } = setUp();
    for (const item of ['a', 'b', 'c']) await deferral.defer(item);
    await clock.advance(10_000);
    expect(delivered).toEqual([]);

    state.isDeferred = false;
    await clock.advance(3000);

    expect(delivered).toEqual([
      [11_000, 'a'],
      [11_500, 'b'],
      [12_000, 'c'],
    ]);
    expect(await deferral.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
  });

  it('(1) keeps the rate where many share an outbox, and delivers each item once', async () => {
    const { clock, state, delivered, deferral, made } = setUp();
    for (let other = 0; other < 7; other++) made();
    const items = Array.from({ length: 20 }, (_, index) => `item ${index}`);
    for (const item of items) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(20_000);

    expect(delivered.map(([, item]) => item)).toEqual(items);
    const gaps = delivered.slice(1).map(([at], index) => at - (delivered[index]?.[0] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(500);
  });

  it('(1) has one delivery at a time, however slow', async () => {
    let [running, most] = [0, 0];
    const { clock, state, deferral } = setUp({
      maxPerSecond: 100,
      deliver: async () => {
        most = Math.max(most, ++running);
        await new Promise<void>((resolve) => clock.setTimer(resolve, 300));
        running--;
      },
    });
    for (const item of ['a', 'b', 'c', 'd']) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(5000);

    expect([most, (await deferral.count()).waiting]).toEqual([1, 0]);
  });

  it.each([
    ['throws', () => hookThrows('no')],
    ['returns a promise', () => Promise.resolve(false)],
  ])('(1) delivers nothing where isDeferred %s, and tells of it', async (_how, isDeferred) => {
    const errors = hookErrors();
    const { clock, delivered, deferral } = setUp({ isDeferred: isDeferred as unknown as () => boolean });
    await deferral.defer('a');
    await clock.advance(1500);

    expect(delivered).toEqual([]);
    expect(errors[0]?.hook).toBe('isDeferred');
  });

  it('(2) settles what was delivered when the outbox answers again, and does not deliver it twice', async () => {
    const errors = hookErrors();
    const { clock, outbox, state, delivered, deferral } = setUp();
    const settle = outbox.settle.bind(outbox);
    let isAway = true;
    outbox.settle = (entry) => (isAway ? Promise.reject(new Error('away')) : settle(entry));
    await deferral.defer('a');
    await deferral.defer('b');
    state.isDeferred = false;
    await clock.advance(12_000); // nearly a lease
    expect(delivered.map(([, item]) => item)).toEqual(['a']);
    isAway = false;
    await clock.advance(2000);

    expect(delivered.map(([, item]) => item)).toEqual(['a', 'b']);
    expect(await deferral.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
    expect(errors).toHaveLength(1); // once for an outage, not with every look
  });

  it('(2) hands to another what one that is gone has taken, when the lease has run out', async () => {
    const { clock, outbox, state, delivered, deferral } = setUp({ deliveryTimeoutMs: 10_000, leaseMarginMs: 5000 });
    await deferral.defer('a');
    await outbox.take({ leaseMs: 15_000, gapMs: 0 }); // and then its process was killed
    state.isDeferred = false;
    await clock.advance(14_500);
    expect(delivered).toEqual([]);
    await clock.advance(1500);

    expect(delivered.map(([, item]) => item)).toEqual(['a']);
  });

  it('(3) tries again what failed after pauses that double, behind the others, and keeps it dead in the end', async () => {
    const tries: number[] = [];
    const good: string[] = [];
    const { clock, outbox, state, dead, events, deferral } = setUp({
      maxAttempts: 4,
      deliver: (item) => {
        if (item === 'good') return void good.push(item);
        tries.push(clock.now());
        throw new Error('no such account');
      },
    });
    const heard = recordEvents(events);
    await deferral.defer('bad');
    state.isDeferred = false;
    await clock.advance(1500);
    await deferral.defer('good');
    await clock.advance(20_000);

    expect(tries).toEqual([1000, 2000, 4500, 5500]); // a success in between starts the pauses anew
    expect(good).toEqual(['good']);
    expect(dead).toEqual(['bad']);
    expect(await outbox.dead(10)).toEqual([{ key: 'bad', item: 'bad', attempt: 4, why: 'no such account' }]);
    const failed = heard.events.filter(({ type }) => type === 'deferral.failed');
    expect(failed.map((event) => (event as unknown as { pauseMs: number }).pauseMs)).toEqual([1000, 2000, 1000]);
    expect(heard.events.at(-1)).toMatchObject({ type: 'deferral.dead', key: 'bad', attempt: 4 });
  });

  it('(3) never pauses for longer than maxPauseMs', async () => {
    const { clock, state, events, deferral } = setUp({
      maxPauseMs: 3000,
      maxAttempts: 20,
      deliver: () => hookThrows('no'),
    });
    const heard = recordEvents(events);
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(60_000);

    const pauses = heard.events.flatMap((event) => ('pauseMs' in event ? [event['pauseMs']] : []));
    expect(pauses.slice(0, 4)).toEqual([1000, 2000, 3000, 3000]);
  });

  it('(3) gives up nothing for an hour of a dependency that is down, with the defaults, however many try', async () => {
    const { clock, outbox } = setUp();
    const [tries, dead]: [number[], number[]] = [[], []];
    const fleet = Array.from({ length: 4 }, () =>
      createDeferral<string>({
        outbox,
        keyOf: (item) => item,
        deliver: () => (tries.push(clock.now()), hookThrows('down')),
        isDeferred: () => false,
        onDead: () => void dead.push(clock.now()),
        clock,
      }),
    );
    onTestFinished(async () => void (await Promise.all(fleet.map((deferral) => deferral.close()))));
    await fleet[0]!.defer('a');
    await clock.advance(3_600_000);
    expect([dead, tries.length > 10]).toEqual([[], true]);
    await clock.advance(70_000);

    expect(dead).toHaveLength(1);
    expect((await outbox.dead(1))[0]).toMatchObject({ why: 'down', attempt: tries.length });
  });

  it('(3) keeps dead what has been given out too often without coming to an end, unseen by deliver', async () => {
    const { clock, outbox, state, delivered, dead, deferral } = setUp({ maxAttempts: 2, minDeadAfterMs: 3_600_000 });
    await deferral.defer('poison');
    await outbox.postpone((await outbox.take({ leaseMs: 100, gapMs: 0 })).entry!, 0);
    for (let crash = 0; crash < 2; crash++) {
      await outbox.take({ leaseMs: 100, gapMs: 0 });
      await clock.advance(100);
    }
    state.isDeferred = false;
    await clock.advance(2000);

    expect([delivered, dead]).toEqual([[], ['poison']]);
    expect((await outbox.dead(1))[0]?.why).toBe('2 attempts came to no end');
  });

  it('(3) keeps dead what is dead also where onDead throws, and tells of that', async () => {
    const errors = hookErrors();
    const onDead = (): never => hookThrows('full');
    const { clock, state, deferral } = setUp({ maxAttempts: 1, deliver: () => hookThrows('no'), onDead });
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(5000);

    expect(await deferral.count()).toEqual({ waiting: 0, taken: 0, dead: 1 });
    expect(errors.map(({ hook }) => hook)).toEqual(['onDead']);
  });

  it.each([
    ['no text as its message', Object.assign(new Error('odd'), { message: { code: 5 } }), '[object Object]'],
    ['a message that has no text', Object.assign(new Error('odd'), { message: Object.create(null) as unknown }), odd],
    ['no text at all', Object.create(null) as unknown, odd],
    ['nothing in it', undefined, 'undefined'],
  ])('(3) keeps dead as text what failed with %s', async (_what, error, why) => {
    const { clock, outbox, state, deferral } = setUp({
      maxAttempts: 1,
      deliver: (item) => (item === 'good' ? undefined : Promise.reject(error)),
    });
    for (const item of ['bad', 'good']) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(5000);

    expect(await outbox.dead(10)).toEqual([{ key: 'bad', item: 'bad', attempt: 1, why }]);
    expect((await deferral.count()).waiting).toBe(0);
  });

  it.each([
    ['settle', 1],
    ['postpone', 10],
    ['bury', 1],
  ] as const)('(6) delivers the others where %s of one item fails for ever', async (method, maxAttempts) => {
    const errors = hookErrors();
    const good: string[] = [];
    let tries = 0;
    const { clock, outbox, state, deferral } = setUp({
      maxAttempts,
      deliver: (item) => {
        if (item !== 'odd') return void good.push(item);
        tries++;
        if (method !== 'settle') hookThrows('no');
      },
    });
    const answers = outbox[method].bind(outbox) as (...given: unknown[]) => Promise<void>;
    Object.assign(outbox, {
      [method]: (entry: OutboxEntry<string>, ...rest: unknown[]) =>
        entry.key === 'odd' ? hookThrows('not a function') : answers(entry, ...rest),
    });
    for (const item of ['odd', 'a', 'b', 'c']) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(120_000);

    expect(good).toEqual(['a', 'b', 'c']);
    if (method === 'settle') expect(tries).toBe(1);
    expect(errors[0]?.hook).toBe('outbox');
  });

  it('(2) (6) delivers each item once where settle fails for all, and keeps them dead; what is added anew is delivered', async () => {
    hookErrors();
    const { clock, outbox, state, delivered, deferral } = setUp({ maxAttempts: 3 });
    outbox.settle = () => Promise.reject(new Error('no right to'));
    for (const item of ['a', 'b']) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(300_000);
    expect(delivered.map(([, item]) => item)).toEqual(['a', 'b']);
    expect((await outbox.dead(5)).map(({ why }) => why)).toEqual(Array(2).fill('3 attempts came to no end'));

    await outbox.discard('a');
    await deferral.defer('a');
    await outbox.revive('b');
    await clock.advance(20_000);
    expect(delivered.map(([, item]) => item)).toEqual(['a', 'b', 'a', 'b']);
  });

  it('(2) (6) settles what was delivered however long the whole outbox is away', async () => {
    hookErrors();
    const { clock, outbox, state, delivered, deferral } = setUp();
    const { take, settle } = { take: outbox.take.bind(outbox), settle: outbox.settle.bind(outbox) };
    let isAway = false;
    outbox.take = (terms) => (isAway ? Promise.reject(new Error('away')) : take(terms));
    outbox.settle = (entry) => (isAway ? Promise.reject(new Error('away')) : settle(entry));
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(500);
    isAway = false;
    Object.assign(outbox, {
      take: async (terms: TakeTerms) => {
        const taken = await take(terms);
        isAway = true; // it goes away with the item in hand
        outbox.take = (again) => (isAway ? Promise.reject(new Error('away')) : take(again));
        return taken;
      },
    });
    await clock.advance(600_000);
    isAway = false;
    await clock.advance(5000);

    expect(delivered.map(([, item]) => item)).toEqual(['a']);
    expect(await deferral.count()).toEqual({ waiting: 0, taken: 0, dead: 0 });
  });

  it('(4) gives up a delivery that hangs, and ends its context', async () => {
    const contexts: Context[] = [];
    const { clock, state, deferral } = setUp({
      deliver: (_item, context) => new Promise(() => contexts.push(context)),
      maxAttempts: 1,
      deliveryTimeoutMs: 100,
    });
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(1100);

    expect(contexts[0]?.cause).toMatchObject({ name: 'TimeoutError' });
    expect((await deferral.count()).dead).toBe(1);
  });

  it('(5) ends, and leaves what waits where it is', async () => {
    const { clock, state, delivered, deferral } = setUp();
    await deferral.defer('a');
    state.isDeferred = false;

    await deferral.close();
    await deferral.close();
    await clock.advance(10_000);

    expect([delivered, clock.pendingCount, (await deferral.count()).waiting]).toEqual([[], 0, 1]);
  });

  it('(5) charter B2: waits for the delivery under way, records it, and starts no other', async () => {
    const done: string[] = [];
    const { clock, state, deferral } = setUp({
      deliver: async (item) => {
        await new Promise<void>((resolve) => clock.setTimer(resolve, 200));
        done.push(item);
      },
    });
    for (const item of ['a', 'b']) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(1100);
    let isClosed = false;
    const closed = deferral.close().then(() => (isClosed = true));
    await clock.advance(50);
    expect(isClosed).toBe(false);
    await clock.advance(50);
    await closed;

    expect(done).toEqual(['a']);
    expect(await deferral.count()).toEqual({ waiting: 1, taken: 0, dead: 0 });
    expect(clock.pendingCount).toBe(0);
  });

  it('(5) gives back at once what it is handed while it closes', async () => {
    const { clock, outbox, state, delivered, deferral } = setUp();
    const take = outbox.take.bind(outbox);
    let closed: Promise<void> | undefined;
    outbox.take = (terms) => {
      closed = deferral.close();
      return take(terms);
    };
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(1000);
    await closed;

    expect([delivered, await deferral.count()]).toEqual([[], { waiting: 1, taken: 0, dead: 0 }]);
  });

  it.each(['take', 'settle', 'postpone', 'bury'] as const)(
    '(5) (6) ends also where %s of the outbox hangs, and delivers again when it answers',
    async (method) => {
      hookErrors();
      const { clock, outbox, state, deferral } = setUp({
        maxAttempts: method === 'bury' ? 1 : 10,
        deliver: (item) => (item === 'bad' ? hookThrows('no') : undefined),
      });
      const answers = outbox[method].bind(outbox);
      let isHanging = true;
      Object.assign(outbox, {
        [method]: (...args: never[]) =>
          isHanging ? new Promise(() => {}) : (answers as (...given: never[]) => unknown)(...args),
      });
      await deferral.defer(method === 'settle' || method === 'take' ? 'good' : 'bad');
      state.isDeferred = false;
      await clock.advance(10_000);
      expect(await deferral.count()).toMatchObject(method === 'take' ? { waiting: 1 } : { taken: 1 });
      isHanging = false;
      await clock.advance(9000);
      expect((await deferral.count()).taken).toBe(0);

      isHanging = true;
      await deferral.defer('bad');
      await clock.advance(2000);
      let isClosed = false;
      void deferral.close().then(() => (isClosed = true));
      await clock.advance(20_000);

      expect([isClosed, clock.pendingCount]).toEqual([true, 0]);
    },
  );

  it('(6) goes on, and ends, where onDead hangs, and tells where it rejects', async () => {
    const errors = hookErrors();
    const good: string[] = [];
    const { clock, state, deferral } = setUp({
      maxAttempts: 1,
      deliver: (item) => (item === 'good' ? void good.push(item) : hookThrows('no')),
      onDead: (item) => (item === 'hangs' ? new Promise(() => {}) : Promise.reject(new Error('full'))),
    });
    for (const item of ['hangs', 'rejects', 'good']) await deferral.defer(item);
    state.isDeferred = false;
    await clock.advance(10_000);
    await deferral.close();

    expect([good, (await deferral.count()).dead]).toEqual([['good'], 2]);
    expect(errors.map(({ hook }) => hook)).toEqual(['onDead']);
  });

  it('(6) gives back what the outbox hands out too late', async () => {
    hookErrors();
    const { clock, outbox, state, delivered, deferral } = setUp({ lookEveryMs: 60_000 });
    const take = outbox.take.bind(outbox);
    outbox.take = async (terms) => {
      const taken = await take(terms);
      await new Promise<void>((resolve) => clock.setTimer(resolve, 6000));
      return taken;
    };
    await deferral.defer('a');
    state.isDeferred = false;
    await clock.advance(65_500);
    expect((await deferral.count()).taken).toBe(1);
    await clock.advance(1000);

    expect([delivered, await deferral.count()]).toEqual([[], { waiting: 1, taken: 0, dead: 0 }]);
  });
});

function hookThrows(message: string): never {
  throw new Error(message);
}
