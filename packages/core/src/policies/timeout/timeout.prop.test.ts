import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { type Clock, UNREAD } from '../../kernel/clock.ts';
import { Context } from '../../kernel/context.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createPolicy } from '../../kernel/policy.ts';
import { after, never, observe } from '../../testing/operation-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { DeadlineQueue, type Expiring } from './deadline-queue.ts';
import { timeout } from './timeout.ts';

const runs = { numRuns: 300 };
const ms = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });

describe('timeout, whatever the times', () => {
  it('timeout (1) ends the context with the very error that the caller gets', async () => {
    const property = fc.asyncProperty(ms(1000), fc.boolean(), async (timeoutMs, readsSignal) => {
      const clock = virtualClock();
      let own: Context | undefined;
      const call = observe(
        timeout({ timeoutMs, clock }).execute((context) => {
          own = context;
          if (readsSignal) void context.signal;
          return never();
        }),
      );
      await clock.advance(timeoutMs);

      expect(call()).toEqual({ status: 'rejected', error: own?.cause });
      expect(own?.signal.reason).toBe(own?.cause);
      expect(own?.cause).toMatchObject({ code: 'TIMEOUT', timeoutMs });
    });
    await fc.assert(property, runs);
  });

  it('timeout (2) leaves a context alone whose own deadline is not later', async () => {
    const property = fc.asyncProperty(ms(100), ms(100), async (timeoutMs, parentMs) => {
      const clock = virtualClock();
      const context = Context.withClock(clock).withTimeout(parentMs);
      let own: Context | undefined;
      const call = observe(
        timeout({ timeoutMs, clock }).execute((given) => {
          own = given;
          return never();
        }, context),
      );
      await clock.advance(100);

      expect(own === context).toBe(parentMs <= timeoutMs);
      expect(call()).toMatchObject({ error: { code: parentMs <= timeoutMs ? 'DEADLINE_EXCEEDED' : 'TIMEOUT' } });
    });
    await fc.assert(property, runs);
  });

  it('timeout (3) sets at most one timer for all calls, and keeps none at rest', async () => {
    const starts = fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 60 }), takesMs: ms(200) }), {
      maxLength: 20,
      size: 'max',
    });
    const property = fc.asyncProperty(starts, async (calls) => {
      const clock = virtualClock();
      const work = virtualClock();
      const policy = timeout({ timeoutMs: 100, clock });
      for (const { waitMs, takesMs } of calls) {
        void observe(policy.execute(() => after(work, takesMs, 0)));
        expect(clock.pendingCount).toBeLessThanOrEqual(1);
        await clock.advance(waitMs);
        await work.advance(waitMs);
      }
      await work.advance(200);
      expect(clock.referencedCount).toBe(0);
      await clock.advance(100);
      expect(clock.pendingCount).toBe(0);
    });
    await fc.assert(property, runs);
  });

  it('timeout (4) settles at the deadline even if the layers inside never report', async () => {
    const blackHole = createPolicy({ kind: 'black-hole', name: 'black-hole', layer: () => () => {} });
    const property = fc.asyncProperty(ms(1000), async (timeoutMs) => {
      const clock = virtualClock();
      const call = observe(pipeline(timeout({ timeoutMs, clock }), blackHole).execute(() => 'never runs'));

      await clock.advance(timeoutMs - 1);
      expect(call().status).toBe('pending');
      await clock.advance(1);
      expect(call()).toMatchObject({ error: { code: 'TIMEOUT' } });
    });
    await fc.assert(property, runs);
  });

  it('timeout (5) counts exactly the runs that go on after their deadline', async () => {
    const property = fc.asyncProperty(
      fc.array(ms(300), { maxLength: 20 }),
      fc.boolean(),
      async (times, cancellable) => {
        const clock = virtualClock();
        const policy = timeout({ timeoutMs: 100, clock });
        const context = cancellable ? Context.withClock(clock).withCancel() : Context.background;
        for (const takesMs of times) void observe(policy.execute(() => after(clock, takesMs, 0), context));
        for (let now = 0; now <= 300; now += 10) {
          const overdue = times.filter((takesMs) => takesMs >= 100);
          expect(policy.snapshot()).toMatchObject({
            late: now < 100 ? 0 : overdue.filter((takesMs) => takesMs > now).length,
            timedOut: now < 100 ? 0 : overdue.length,
          });
          await clock.advance(10);
        }
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });

  it('timeout (6) sets no deadline under observe and off', async () => {
    const enforcement = fc.constantFrom('observe' as const, 'off' as const);
    const property = fc.asyncProperty(enforcement, ms(100), ms(300), async (how, timeoutMs, takesMs) => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs, clock, enforcement: how });
      let deadline = 0;
      const call = observe(
        policy.execute((own) => {
          ({ deadline } = own);
          return after(clock, takesMs, 'done');
        }),
      );
      await clock.advance(takesMs);

      expect([call(), deadline]).toEqual([{ status: 'fulfilled', value: 'done' }, Infinity]);
      expect(policy.snapshot().observed).toBe(how === 'observe' && takesMs >= timeoutMs ? 1 : 0);
    });
    await fc.assert(property, runs);
  });

  it('timeout (7) ends every call at the deadline that held when it started, whatever changes', async () => {
    const steps = fc.array(fc.record({ timeoutMs: ms(100), waitMs: fc.integer({ min: 0, max: 50 }) }), {
      maxLength: 20,
    });
    const property = fc.asyncProperty(steps, async (changes) => {
      const clock = virtualClock();
      const policy = timeout({ timeoutMs: 1, clock });
      const ends: [expected: number, actual: number][] = [];
      for (const { timeoutMs, waitMs } of changes) {
        policy.update({ timeoutMs });
        const dueAt = clock.now() + timeoutMs;
        policy.execute(never).catch(() => ends.push([dueAt, clock.now()]));
        await clock.advance(waitMs);
      }
      await clock.runAll();

      expect(ends).toHaveLength(changes.length);
      for (const [expected, actual] of ends) expect(actual).toBe(expected);
      expect(clock.pendingCount).toBe(0);
    });
    await fc.assert(property, runs);
  });
});

describe('the deadline queue, against a list that is searched', () => {
  const waitMs = 50;
  const joins = fc.record({
    kind: fc.constant('join' as const),
    count: fc.integer({ min: 1, max: 3 }),
    isRead: fc.boolean(),
  });
  const commands = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: joins },
      { weight: 2, arbitrary: fc.nat(20).map((index) => ({ kind: 'leave' as const, index })) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 60 }).map((byMs) => ({ kind: 'advance' as const, byMs })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'crowd' as const }) },
    ),
    { maxLength: 40, size: 'max' },
  );

  it.each([
    ['queues at once', false],
    ['queues at the end of the turn', true],
  ])(
    'deadline queue (1), (2), (3), (4), (5): expires each at its instant, with one timer, and %s',
    async (_how, hasTurns) => {
      const property = fc.asyncProperty(commands, async (steps) => {
        const clock = virtualClock();
        const turns: (() => void)[] = [];
        const endTurn = (): void => turns.splice(0).forEach((callback) => callback());
        const queue = new DeadlineQueue(hasTurns ? withTurns(clock, turns) : clock, waitMs);
        const members: Member[] = [];
        const join = (isRead: boolean): void => {
          const member = new Member(clock.now() + waitMs);
          members.push(member);
          queue.join(member, isRead ? clock.now() : UNREAD);
        };
        for (const step of steps) {
          if (step.kind === 'join') for (let index = 0; index < step.count; index++) join(step.isRead);
          else if (step.kind === 'crowd') for (let index = 0; index < 70; index++) join(index % 3 === 0);
          else if (step.kind === 'leave') members.at(-1 - step.index)?.leave(queue);
          else {
            endTurn();
            await clock.advance(step.byMs);
            endTurn();
            expectToAgree(members, clock);
          }
          expect(turns.length).toBeLessThanOrEqual(1);
          expect(clock.pendingCount).toBeLessThanOrEqual(1);
        }
        queue.retire();
        endTurn();
        expectToAgree(members, clock);
        const isWaitedIn = members.some(({ left, expiredAt }) => !left && expiredAt === undefined);
        expect(clock.pendingCount).toBe(isWaitedIn ? 1 : 0);
        await clock.runAll();
        expect(members.every((member) => member.left || member.expiredAt === member.dueAt)).toBe(true);
        expect(clock.pendingCount).toBe(0);
      });
      await fc.assert(property, { numRuns: 300 });
    },
  );
});

describe('the deadline queue, where nobody has read the clock', () => {
  const steps = fc.array(
    fc.record({ byMs: fc.integer({ min: 0, max: 20 }), joins: fc.integer({ min: 1, max: 70 }), looks: fc.boolean() }),
    { minLength: 1, maxLength: 4 },
  );

  it(
    'deadline queue (4) expires nobody early, nor later than by the rest of its turn, nor after one that came later',
    { timeout: 60_000 },
    async () => {
      const property = fc.asyncProperty(fc.array(steps, { maxLength: 6 }), async (turns) => {
        const clock = virtualClock();
        const ends: (() => void)[] = [];
        const queue = new DeadlineQueue(withTurns(clock, ends), 50);
        const visits: { member: Visitor; joinedAt: number; turnEndedAt: number }[] = [];
        for (const turn of turns) {
          const first = visits.length;
          for (const { byMs, joins, looks } of turn) {
            for (let index = 0; index < joins; index++) {
              const member = new Visitor();
              visits.push({ member, joinedAt: clock.now(), turnEndedAt: Infinity });
              queue.join(member, UNREAD);
              if (looks && index === 0) member.told = queue.deadlineOf(member);
            }
            await clock.advance(byMs);
          }
          for (const visit of visits.slice(first)) visit.turnEndedAt = clock.now();
          for (const end of ends.splice(0)) end();
        }
        await clock.runAll();

        let before = 0;
        for (const { member, joinedAt, turnEndedAt } of visits) {
          expect(member.expiredAt).toBeGreaterThanOrEqual(Math.max(before, joinedAt + 50));
          expect(member.expiredAt).toBeLessThanOrEqual(turnEndedAt + 50);
          if (member.told !== undefined) {
            expect(member.expiredAt).toBeGreaterThanOrEqual(member.told);
            expect(member.expiredAt).toBeLessThanOrEqual(Math.max(member.told, turnEndedAt));
          }
          before = member.expiredAt;
        }
      });
      await fc.assert(property, { numRuns: 200 });
    },
  );
});

/** A member whose deadline nobody knows at first. */
class Visitor implements Expiring {
  previous: Expiring['previous'] = undefined;
  next: Expiring['next'] = undefined;
  expiresAt: number | undefined = undefined;
  expiredAt = Number.NaN;
  /** The deadline that somebody was told before the turn ended. */
  told: number | undefined = undefined;

  get settled(): boolean {
    return !Number.isNaN(this.expiredAt);
  }

  expire(now: number): void {
    this.expiredAt = now;
  }
}

function expectToAgree(members: readonly Member[], clock: VirtualClock): void {
  const waiting = members.filter((member) => !member.left && member.dueAt > clock.now());
  const expired = members.filter((member) => !member.left && member.dueAt <= clock.now());
  expect(clock.referencedCount).toBe(waiting.length > 0 ? 1 : 0);
  expect(expired.every((member) => member.expiredAt === member.dueAt)).toBe(true);
  expect(waiting.every((member) => member.expiredAt === undefined)).toBe(true);
  const retained = members.filter((member) => !waiting.includes(member) && (member.next ?? member.previous));
  expect(retained).toEqual([]);
}

/** The clock with turns that end when the test says so. */
function withTurns(clock: VirtualClock, turns: (() => void)[]): Clock {
  return {
    now: () => clock.now(),
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    defer: (callback) => void turns.push(callback),
  };
}

class Member implements Expiring {
  previous: Expiring['previous'] = undefined;
  next: Expiring['next'] = undefined;
  expiresAt: number | undefined = undefined;
  /** The deadline by the model. */
  readonly dueAt: number;
  expiredAt: number | undefined = undefined;
  left = false;

  constructor(dueAt: number) {
    this.dueAt = dueAt;
  }

  get settled(): boolean {
    return this.left || this.expiredAt !== undefined;
  }

  leave(queue: DeadlineQueue): void {
    if (this.settled) return;
    this.left = true;
    queue.leave(this);
  }

  expire(now: number): void {
    this.expiredAt = now;
  }
}
