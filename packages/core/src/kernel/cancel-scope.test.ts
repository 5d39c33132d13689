import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { CancelScope } from './cancel-scope.ts';
import type { Watcher } from './watcher.ts';
import { SignalScope } from './signal-scope.ts';
import { EndlessScope } from './endless-scope.ts';
import type { Clock } from './clock.ts';
import { Context } from './context.ts';

/** A watcher that notes what it was told. */
class Note implements Watcher {
  previous: Watcher['previous'] = undefined;
  next: Watcher['next'] = undefined;
  readonly leavesAt: number;
  readonly isWaitedFor: boolean = true;
  readonly told: unknown[] = [];
  readonly onTold: () => void;

  constructor(leavesAt = Infinity, onTold: () => void = () => {}) {
    this.leavesAt = leavesAt;
    this.onTold = onTold;
  }

  onEnd(cause: unknown): void {
    this.told.push(cause);
    this.onTold();
  }
}

describe('cancel scope', () => {
  it('(1) keeps the first cause by identity', () => {
    const scope = new CancelScope(undefined, virtualClock(), Infinity);
    const first = { why: 'first' };

    scope.end(first);
    scope.end('second');
    scope.expire();

    expect(scope.cause).toBe(first);
  });

  it('(1) of cancel and deadline, the one that came first counts, even if nobody looked meanwhile', async () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, Infinity);
    const child = new CancelScope(parent, clock, 100);
    await clock.advance(150);
    parent.end('too late');

    expect(child.cause).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('(1) a deadline that came from above has one cause, whoever is asked first', async () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, 100);
    const [child, sibling] = [new CancelScope(parent, clock, Infinity), new CancelScope(parent, clock, 100)];
    await clock.advance(100);

    expect(child.hasEndedBy(100)).toBe(true);
    sibling.expire();

    expect([child.cause, sibling.cause]).toEqual([parent.cause, parent.cause]);
    expect([child.cause === parent.cause, sibling.cause === parent.cause]).toEqual([true, true]);
  });

  it('(1) a cancel above that comes when the deadline has passed tells that it has, without a look at the clock', async () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, Infinity);
    const [passed, coming] = [new CancelScope(parent, clock, 100), new CancelScope(parent, clock, 200)];
    await clock.advance(100);
    parent.end('cancelled');

    expect([passed, coming].map((scope) => scope.isKnownToHaveEnded())).toEqual([true, true]);
    expect([passed, coming].map(({ endedByDeadline }) => endedByDeadline)).toEqual([true, false]);
  });

  it('(2) ends what is below it and nothing above it', () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, Infinity);
    const [child, sibling] = [new CancelScope(parent, clock, Infinity), new CancelScope(parent, clock, Infinity)];
    const grandchild = new CancelScope(child, clock, Infinity);

    child.end('stop');

    expect([parent, child, sibling, grandchild].map(({ cause }) => cause)).toEqual([
      undefined,
      'stop',
      undefined,
      'stop',
    ]);
  });

  it('(3) has no deadline later than that of its parent, on another clock too', () => {
    const clock = virtualClock(0);
    const parent = new CancelScope(undefined, clock, 100);

    expect(new CancelScope(parent, clock, 150).deadline).toBe(100);
    expect(new CancelScope(parent, virtualClock(5000), Infinity).deadline).toBe(5100);
  });

  it('(4) tells its watchers once, in the order in which they came, but not those that left', () => {
    const scope = new CancelScope(undefined, virtualClock(), Infinity);
    const order: number[] = [];
    const notes = [1, 2, 3].map((number) => new Note(Infinity, () => order.push(number)));
    for (const note of notes) scope.watch(note);

    expect(scope.unwatch(notes[1] as Note)).toBe(true);
    expect(scope.unwatch(notes[1] as Note)).toBe(false);
    scope.end('stop');
    scope.end('again');

    expect(order).toEqual([1, 3]);
    expect(notes.map(({ told }) => told)).toEqual([['stop'], [], ['stop']]);
    expect(scope.watch(new Note())).toBe(false);
  });

  it('(4) tells only those that are waited for once it was released, and the truth to those who ask', async () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, Infinity);
    const scope = new CancelScope(parent, clock, 100, { expiryCause: () => 'late' });
    const [waiting, listening] = [new Note(), new Note()];
    Object.assign(listening, { isWaitedFor: false });
    for (const note of [waiting, listening]) scope.watch(note);
    const { signal } = scope;

    scope.release();
    expect([clock.referencedCount, parent.isWaitedFor]).toEqual([1, true]);
    await clock.advance(100);

    expect([waiting.told, listening.told]).toEqual([['late'], []]);
    expect([scope.cause, signal.reason]).toEqual(['late', 'late']);
    expect(clock.pendingCount).toBe(0);
  });

  it('(5) retains nothing for a signal that was handed out, or is first read, after its release', () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, 500);
    const [before, after] = [new CancelScope(parent, clock, 100), new CancelScope(parent, clock, 100)];
    expect(before.signal.aborted).toBe(false);

    before.release();
    after.release();

    expect(after.signal.aborted).toBe(false);
    expect(clock.pendingCount).toBe(0);
    parent.end('stop');
    expect([before.cause, after.cause, before.signal.reason, after.signal.reason]).toEqual(Array(4).fill('stop'));
  });

  it('(5) holds a timer and a listener only while it has watchers', () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const listeners = (): number => getEventListeners(controller.signal, 'abort').length;
    const root = new SignalScope(controller.signal, clock);
    const scope = new CancelScope(root, clock, 100);
    const [one, other] = [new Note(), new Note()];
    expect([clock.pendingCount, listeners()]).toEqual([0, 0]);

    scope.watch(one);
    scope.watch(other);
    expect([clock.pendingCount, listeners()]).toEqual([1, 1]);
    scope.unwatch(one);
    expect([clock.pendingCount, listeners()]).toEqual([1, 1]);
    scope.unwatch(other);
    expect([clock.pendingCount, listeners()]).toEqual([0, 0]);
  });

  it('(5) sets one timer for scopes that end at the same instant', () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, 100);
    for (let index = 0; index < 10; index++) new CancelScope(parent, clock, Infinity).watch(new Note());

    expect(clock.pendingCount).toBe(1);
  });

  it('sets no timer for watchers that leave by themselves before', () => {
    const clock = virtualClock();
    const scope = new CancelScope(undefined, clock, 100);

    scope.watch(new Note(100));
    expect(clock.pendingCount).toBe(0);
    scope.watch(new Note(101));
    expect(clock.pendingCount).toBe(1);
  });

  it('is endless where nothing can end it, and keeps no watchers then', () => {
    const endless = new EndlessScope(virtualClock());

    expect(endless.watch(new Note())).toBe(true);
    endless.end('stop');
    expect([endless.ended, endless.cause, endless.isEndless]).toEqual([false, undefined, true]);
    expect(endless.signal.aborted).toBe(false);
  });

  it('is ended by a parent on another clock, whatever that shows', async () => {
    const callers = virtualClock(1_000_000);
    const parent = Context.withClock(callers).withCancel();
    const child = new CancelScope((parent as unknown as { scope: CancelScope }).scope, virtualClock(), 100);
    const note = new Note();
    child.watch(note);

    parent.cancel('stop');
    await settle();

    expect(note.told).toEqual(['stop']);
  });

  it('(6) keeps the process alive only while somebody below is waited for', () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, 100);
    const child = new CancelScope(parent, clock, Infinity);
    const waiting = new Note();
    expect(child.signal.aborted).toBe(false);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);

    child.watch(waiting);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 1]);

    child.unwatch(waiting);
    expect([clock.pendingCount, clock.referencedCount]).toEqual([1, 0]);
  });

  it('(6) counts those that wait once per scope, however many there are and in whatever order they leave', () => {
    const clock = virtualClock();
    const parent = new CancelScope(undefined, clock, 100);
    const child = new CancelScope(parent, clock, Infinity);
    const notes = [new Note(), new Note(), new Note()];
    for (const note of notes) child.watch(note);
    parent.watch(new Note(50));
    expect(clock.referencedCount).toBe(1);

    for (const note of notes) child.unwatch(note);
    expect(clock.referencedCount).toBe(1);

    child.watch(notes[0] as Note);
    child.end('over');
    expect(parent.isWaitedFor).toBe(true);
    expect(clock.referencedCount).toBe(1);
  });

  it('tells a watcher also when the deadline of the parent passes while it attaches', () => {
    for (let deadline = 1; deadline <= 12; deadline++) {
      const { clock, fireAll } = tickingClock();
      const parent = new CancelScope(undefined, clock, deadline);
      const child = new CancelScope(parent, clock, Infinity);
      const note = new Note();
      const isWatching = child.watch(note);

      fireAll();
      expect([deadline, isWatching ? note.told.length : 1]).toEqual([deadline, 1]);
    }
  });
});

/** A clock on which every look takes 1 ms. */
function tickingClock(): { clock: Clock; fireAll: () => void } {
  let now = 0;
  const timers: { callback: () => void; isSet: boolean }[] = [];
  const clock: Clock = {
    now: () => now++,
    setTimer: (callback) => {
      const timer = { callback, isSet: true };
      timers.push(timer);
      return { cancel: () => void (timer.isSet = false), ref: () => {}, unref: () => {} };
    },
  };
  const fireAll = (): void => {
    now += 1000;
    for (const timer of timers) if (timer.isSet) timer.callback();
  };
  return { clock, fireAll };
}
