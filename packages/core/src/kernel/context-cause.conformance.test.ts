import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { CancelledError, DeadlineExceededError, isCancelled, isTimeout } from './cancellation.ts';
import { Context, contextKey } from './context.ts';

const parentCause = new Error('the parent’s');
const childCause = new Error('the child’s');
const tooSlow = new Error('too slow');
const finishedEarly = new Error('finished early');

const HOUR_MS = 3_600_000;
const never = { endedBy: undefined, cause: undefined };
const plainCancel = { endedBy: 'cancel', cause: CancelledError };
const plainDeadline = { endedBy: 'deadline', cause: DeadlineExceededError };

/** Go's TestCause, line by line: `endedBy` stands for `Err()`, a class for the error that is made where no cause is given. */
const cases: readonly [
  name: string,
  make: (root: Context) => Context,
  expected: { endedBy: unknown; cause: unknown },
][] = [
  ['Background', (root) => root, never],
  ['TODO', () => Context.background, never],
  ['WithCancel', (root) => cancelled(root), plainCancel],
  ['WithCancelCause', (root) => cancelled(root, parentCause), { endedBy: 'cancel', cause: parentCause }],
  ['WithCancelCause nil', (root) => cancelled(root, null), plainCancel],
  [
    'WithCancelCause: parent cause before child',
    (root) => stacked(root, ['parent', parentCause], ['child', childCause]),
    { endedBy: 'cancel', cause: parentCause },
  ],
  [
    'WithCancelCause: parent cause after child',
    (root) => stacked(root, ['child', childCause], ['parent', parentCause]),
    { endedBy: 'cancel', cause: childCause },
  ],
  [
    'WithCancelCause: parent cause before nil',
    (root) => stacked(root, ['parent', parentCause], ['child', null]),
    { endedBy: 'cancel', cause: parentCause },
  ],
  [
    'WithCancelCause: parent cause after nil',
    (root) => stacked(root, ['child', null], ['parent', parentCause]),
    plainCancel,
  ],
  [
    'WithCancelCause: child cause after nil',
    (root) => stacked(root, ['parent', null], ['child', childCause]),
    plainCancel,
  ],
  [
    'WithCancelCause: child cause before nil',
    (root) => stacked(root, ['child', childCause], ['parent', null]),
    { endedBy: 'cancel', cause: childCause },
  ],
  ['WithTimeout', (root) => timed(root, 0, undefined, true), plainDeadline],
  ['WithTimeout canceled', (root) => timed(root, HOUR_MS, undefined, true), plainCancel],
  ['WithTimeoutCause', (root) => timed(root, 0, tooSlow, true), { endedBy: 'deadline', cause: tooSlow }],
  ['WithTimeoutCause canceled', (root) => timed(root, HOUR_MS, tooSlow, true), plainCancel],
  ['WithTimeoutCause stacked', (root) => timedBelow(root, 0), { endedBy: 'deadline', cause: tooSlow }],
  [
    'WithTimeoutCause stacked canceled',
    (root) => timedBelow(root, HOUR_MS),
    { endedBy: 'cancel', cause: finishedEarly },
  ],
  ['WithoutCancel', (root) => root.withoutCancel(), never],
  ['WithoutCancel canceled', (root) => cancelled(root, finishedEarly).withoutCancel(), never],
  ['WithoutCancel timeout', (root) => timed(root, 0, tooSlow, false).withoutCancel(), never],
];

function cancelled(root: Context, cause?: unknown): Context {
  const context = root.withCancel();
  context.cancel(cause);
  return context;
}

function stacked(root: Context, ...cancels: [who: 'parent' | 'child', cause: unknown][]): Context {
  const parent = root.withCancel();
  const child = parent.withCancel();
  for (const [who, cause] of cancels) (who === 'parent' ? parent : child).cancel(cause);
  return child;
}

function timed(root: Context, ms: number, cause: unknown, isCancelledThen: boolean): Context {
  const context = root.withTimeout(ms, cause);
  if (isCancelledThen) context.cancel();
  return context;
}

function timedBelow(root: Context, ms: number): Context {
  const parent = root.withCancel();
  const child = parent.withTimeout(ms, tooSlow);
  parent.cancel(finishedEarly);
  return child;
}

describe('the cause of a context, as in Go', () => {
  for (const isWatched of [false, true]) {
    it.each(cases)(`B26: %s, ${isWatched ? 'watched from the start' : 'asked at the end'}`, (_name, make, expected) => {
      const told: unknown[] = [];
      const root = Context.withClock(virtualClock(1000));
      const context = make(root);
      if (isWatched) context.onCancel((cause) => told.push(cause));

      const { endedBy, cause } = context;
      expect(endedBy).toBe(expected.endedBy);
      if (typeof expected.cause === 'function') expect(cause).toBeInstanceOf(expected.cause);
      else expect(cause).toBe(expected.cause);
      expect(context.signal.reason).toBe(cause);
      if (isWatched) expect(told).toEqual(endedBy === undefined ? [] : [cause]);
    });
  }

  it('B26: a cause given with a deadline is for that deadline only, not for an earlier one above', async () => {
    const clock = virtualClock();
    const parent = Context.withClock(clock).withTimeout(100, parentCause);
    const [below, equal, sooner] = [200, 100, 50].map((ms) => parent.withTimeout(ms, childCause));
    for (const context of [below, equal, sooner]) void context?.signal;

    await clock.advance(100);

    expect([below?.cause, equal?.cause, sooner?.cause]).toEqual([parentCause, parentCause, childCause]);
  });

  it('B26: is one object for all below a deadline, whoever looks first', async () => {
    const clock = virtualClock();
    const parent = Context.withClock(clock).withTimeout(100);
    const child = parent.withCancel().withValue(contextKey('k'), 1).withTimeout(500);

    await clock.advance(100);

    const { cause } = child;
    expect(isTimeout(cause)).toBe(true);
    expect(parent.cause).toBe(cause);
    expect(child.signal.reason).toBe(parent.signal.reason);
  });

  it('B26: withDeadline takes a cause as withTimeout does, and any but null and undefined', () => {
    const root = Context.withClock(virtualClock(1000));

    expect(root.withDeadline(1000, tooSlow).cause).toBe(tooSlow);
    for (const cause of [0, '', false]) expect(root.withTimeout(0, cause).cause).toBe(cause);
    for (const cause of [null, undefined]) expect(isTimeout(root.withTimeout(0, cause).cause)).toBe(true);
  });

  it('B27: is undefined or the final one, at whatever moment one looks', () => {
    const parent = Context.withClock(virtualClock()).withCancel();
    const family = [parent, parent.withCancel(), parent.withTimeout(HOUR_MS), parent.withValue(contextKey('k'), 1)];
    const seen: unknown[] = [];
    const look = (): number => seen.push(...family.map(({ cause }) => cause));
    for (const context of family) context.onCancel(look);

    look();
    parent.cancel(parentCause);
    look();

    expect(seen.slice(0, family.length).every((cause) => cause === undefined)).toBe(true);
    expect(seen.slice(family.length).every((cause) => cause === parentCause)).toBe(true);
    expect(seen).toHaveLength(family.length * (family.length + 2));
  });

  it('B28: of a foreign parent goes down to the children; theirs never goes up', () => {
    const [own, foreign] = [new AbortController(), new AbortController()];
    const children = [own, foreign].map(({ signal }) => Context.from(signal).withCancel());
    children[0]?.cancel(childCause);
    own.abort(parentCause);
    foreign.abort(parentCause);

    expect(children.map(({ cause }) => cause)).toEqual([childCause, parentCause]);
    expect([own.signal.reason, foreign.signal.reason]).toEqual([parentCause, parentCause]);
  });

  it('B28: a foreign signal that timed out ended by a deadline, any other by a cancel', () => {
    const reasons = [
      new DOMException('late', 'TimeoutError'),
      new DOMException('left', 'AbortError'),
      'left',
      undefined,
    ];
    const contexts = reasons.map((reason) => Context.from(AbortSignal.abort(reason)));

    expect(contexts.map(({ endedBy }) => endedBy)).toEqual(['deadline', 'cancel', 'cancel', 'cancel']);
    expect(contexts.map(({ cause }) => isTimeout(cause))).toEqual([true, false, false, false]);
    expect(isCancelled(contexts[1]?.cause)).toBe(false); // the platform's own, by identity
  });
});
