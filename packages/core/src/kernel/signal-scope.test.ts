import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { virtualClock } from '../testing/virtual-clock.ts';
import { Context } from './context.ts';
import { type AbortSignalLike, SignalScope } from './signal-scope.ts';

/** A signal of another implementation. */
function foreignSignal(reason?: unknown): AbortSignalLike & { abort(): void; readonly count: number } {
  const listeners = new Set<() => void>();
  let aborted = false;
  return {
    get aborted() {
      return aborted;
    },
    get count() {
      return listeners.size;
    },
    reason,
    addEventListener: (_type, listener) => void listeners.add(listener),
    removeEventListener: (_type, listener) => void listeners.delete(listener),
    abort() {
      aborted = true;
      for (const listener of listeners) listener();
    },
  };
}

describe('signal scope', () => {
  it('(1) listens to the signal only while somebody watches', () => {
    const controller = new AbortController();
    const context = Context.from(controller.signal);
    const count = (): number => getEventListeners(controller.signal, 'abort').length;
    expect(count()).toBe(0);

    const unhooks = [context.onCancel(() => {}), context.withTimeout(1000).onCancel(() => {})];
    expect(count()).toBe(1);

    for (const unhook of unhooks) unhook();
    expect(count()).toBe(0);
  });

  it('(1) stops listening when the signal has aborted', () => {
    const source = foreignSignal('gone');
    const scope = new SignalScope(source, virtualClock());
    const told: unknown[] = [];
    Context.from(source).onCancel((cause) => told.push(cause));
    expect(scope.signal.aborted).toBe(false);

    source.abort();

    expect([told, scope.signal.reason, source.count]).toEqual([['gone'], 'gone', 0]);
  });

  it('(2) keeps the reason by identity, and makes a CancelledError where there is none', () => {
    const reason = { why: 'left' };
    const [withReason, without] = [foreignSignal(reason), foreignSignal()];
    withReason.abort();
    without.abort();

    expect(Context.from(withReason).cause).toBe(reason);
    expect(Context.from(without).cause).toMatchObject({ name: 'AbortError', code: 'CANCELLED' });
  });

  it('(3) below a context and a signal, ends with the first of the two, by its cause', async () => {
    for (const first of ['context', 'signal', 'deadline']) {
      const clock = virtualClock();
      const parent = Context.withClock(clock).withTimeout(100, 'deadline');
      const source = foreignSignal('signal');
      const context = parent.withSignal(source).withCancel();
      const told: unknown[] = [];
      context.onCancel((cause) => told.push(cause));
      expect([clock.pendingCount, source.count]).toEqual([1, 1]);

      if (first === 'context') parent.cancel('context');
      else if (first === 'signal') source.abort();
      else await clock.advance(100);

      expect([told, context.cause]).toEqual([[first], first]);
      expect([context.endedBy, parent.cancelled]).toEqual([
        first === 'deadline' ? 'deadline' : 'cancel',
        first !== 'signal',
      ]);
      expect([clock.pendingCount, source.count]).toEqual([0, 0]);
      parent.cancel();
      source.abort();
      expect(told).toEqual([first]);
    }
  });

  it('(3) below a context and a signal, of which one has ended, has ended from the start', () => {
    const ended = Context.background.withCancel();
    ended.cancel('context');
    const [aborted, live] = [foreignSignal('signal'), foreignSignal()];
    aborted.abort();

    expect(ended.withSignal(live).cause).toBe('context');
    expect(Context.background.withSignal(aborted).cause).toBe('signal');
    for (const context of [ended.withSignal(live), Context.background.withSignal(aborted)]) {
      expect([context.onCancel(() => {})(), context.signal.aborted]).toEqual([false, true]);
    }
    expect(live.count).toBe(0);
  });

  it('(3) below a context and a signal, of which one ends while it is hooked in, ends, and lets go of the other', () => {
    for (const which of ['context', 'signal']) {
      const [hasty, calm] = [foreignSignal('hasty'), foreignSignal('calm')];
      const impatient = { ...hasty, aborted: false, addEventListener: () => void (impatient.aborted = true) };
      const [above, beside] = which === 'context' ? [impatient, calm] : [calm, impatient];
      const context = Context.from(above).withSignal(beside);
      const told: unknown[] = [];

      context.onCancel((cause) => told.push(cause));

      expect([told, calm.count]).toEqual([['hasty'], 0]);
    }
  });

  it('tells a signal that timed out as a deadline, below a context too', () => {
    const late = AbortSignal.abort(new DOMException('late', 'TimeoutError'));

    expect([Context.from(late), Context.background.withSignal(late)].map(({ endedBy }) => endedBy)).toEqual([
      'deadline',
      'deadline',
    ]);
  });

  it('is looked at where nobody watches, below a context too', () => {
    const source = foreignSignal('signal');
    const context = Context.withClock(virtualClock()).withTimeout(100).withSignal(source).withTimeout(50);
    expect(context.cancelled).toBe(false);
    source.abort();
    expect([context.cancelled, context.cause]).toEqual([true, 'signal']);
  });

  it('gives the native signal itself where it was made from one', () => {
    const { signal } = new AbortController();

    expect(Context.from(signal).signal).toBe(signal);
    expect(Context.from(signal).withCancel().signal).not.toBe(signal);
  });

  it.each([
    undefined,
    null,
    7,
    {},
    { aborted: false },
    { aborted: 'no', addEventListener: () => {}, removeEventListener: () => {} },
    { aborted: false, addEventListener: () => {} },
    { aborted: false, removeEventListener: () => {} },
    { aborted: false, addEventListener: 1, removeEventListener: () => {} },
    { aborted: false, addEventListener: () => {}, removeEventListener: 1 },
    new AbortController(),
  ])('refuses what is no signal: %j', (source) => {
    expect(() => Context.from(source as never)).toThrow(
      new TypeError('Context.from needs an AbortSignal; of an AbortController, pass its signal'),
    );
  });
});
