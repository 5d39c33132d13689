/**
 * Signals of other implementations: whatever has the shape of an `AbortSignal` may govern a context.
 *
 * @module
 */

import { createRequire } from 'node:module';

import { type AbortSignalLike, CancelledError, Context, retry } from '@holdfast/core';
import { describe, expect, it } from 'vitest';

interface Controller {
  readonly signal: AbortSignalLike;
  abort(reason?: unknown): void;
}

const { JSDOM } = createRequire(import.meta.url)('jsdom') as {
  JSDOM: new () => { window: { AbortController: new () => Controller } };
};

/** A polyfill from before signals had reasons. */
class OldController implements Controller {
  readonly signal: AbortSignalLike & { aborted: boolean; readonly listeners: Set<() => void> } = {
    aborted: false,
    listeners: new Set(),
    addEventListener(_type, listener) {
      this.listeners.add(listener);
    },
    removeEventListener(_type, listener) {
      this.listeners.delete(listener);
    },
  };

  abort(): void {
    this.signal.aborted = true;
    for (const listener of this.signal.listeners) listener();
  }
}

const controllers: readonly [whose: string, make: () => Controller][] = [
  ['Node.js', () => new AbortController()],
  ['jsdom', () => new new JSDOM().window.AbortController()],
  ['a polyfill without reasons', () => new OldController()],
];

describe.each(controllers)('a signal of %s', (_whose, make) => {
  const withReason = make().signal.reason === undefined && 'reason' in make().signal;

  it('charter I3: ends the calls below, with its reason where it has one', async () => {
    const controller = make();
    const reason = new Error('the client left');
    const call = retry().execute(() => new Promise(() => {}), Context.from(controller.signal).withTimeout(60_000));

    controller.abort(reason);

    const error: unknown = await call.catch((thrown: unknown) => thrown);
    if (withReason) expect(error).toBe(reason);
    else expect(error).toBeInstanceOf(CancelledError);
  });

  it('charter I3: that has aborted lets nothing start', async () => {
    const controller = make();
    controller.abort('gone');
    let hasRun = false;

    await expect(retry().execute(() => (hasRun = true), Context.from(controller.signal))).rejects.toBeDefined();
    expect(hasRun).toBe(false);
    expect(Context.from(controller.signal).signal.aborted).toBe(true);
  });

  it('charter I3: that aborts with the reason undefined has one all the same', () => {
    const controller = make();
    const told: unknown[] = [];
    const context = Context.from(controller.signal).withCancel();
    context.onCancel((cause) => told.push(cause));

    controller.abort(undefined);

    expect(told).toEqual([context.cause]);
    expect(context.cause).toMatchObject({ name: 'AbortError' });
    expect(context.endedBy).toBe('cancel');
  });

  it('charter I3: may govern a context that has a deadline and values already', () => {
    const controller = make();
    const parent = Context.background.withTimeout(60_000);
    const context = parent.withSignal(controller.signal);
    const signal = context.withCancel().signal;

    controller.abort('gone');

    expect([context.cancelled, signal.aborted, parent.cancelled]).toEqual([true, true, false]);
    expect(signal.reason).toBe(context.cause);
    expect(context.deadline).toBe(parent.deadline);
  });
});
