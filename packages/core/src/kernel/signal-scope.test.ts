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

  it('gives the native signal itself where it was made from one', () => {
    const { signal } = new AbortController();

    expect(Context.from(signal).signal).toBe(signal);
    expect(Context.from(signal).withCancel().signal).not.toBe(signal);
  });
});
