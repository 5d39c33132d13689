import { getEventListeners } from 'node:events';

import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { observe, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from './bulkhead.ts';

describe('a permit of a bulkhead that is held by hand', () => {
  it('takes a place, and gives it back to the call that waits next', async () => {
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
    const permit = policy.tryAcquire();
    const waiting = observe(policy.execute(() => 'ran'));

    expect(policy.snapshot()).toMatchObject({ running: 1, queued: 1, admitted: 1 });
    expect(permit?.release()).toBe(true);
    await settle();

    expect(waiting()).toEqual({ status: 'fulfilled', value: 'ran' });
    expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0, admitted: 2 });
  });

  it('(1) charter G5: is given back once, however often it is released', () => {
    const policy = bulkhead(2);
    const [permit, other] = [policy.tryAcquire(), policy.tryAcquire()];

    expect([permit?.isReleased, permit?.release(), permit?.release(), permit?.isReleased]).toEqual([
      false,
      true,
      false,
      true,
    ]);
    permit?.[Symbol.dispose]();

    expect(policy.snapshot().running).toBe(1);
    other?.release();
    expect(policy.snapshot().running).toBe(0);
  });

  it('keeps no process running until its deadline', () => {
    const clock = virtualClock();
    const permit = bulkhead(1).tryAcquire(Context.withClock(clock).withTimeout(50));

    expect([permit?.isReleased, clock.referencedCount]).toEqual([false, 0]);
  });

  it('(1) is given back when the block of `using` is left, also by a throw', () => {
    const policy = bulkhead(1);

    expect(() => {
      using permit = policy.tryAcquire();
      expect([permit?.isReleased, policy.snapshot().running]).toEqual([false, 1]);
      throw new Error('boom');
    }).toThrow('boom');

    expect(policy.snapshot().running).toBe(0);
  });

  it('(1) (2) is given back when its context ends, and leaves no listener on a signal', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const policy = bulkhead(3);
    const timed = policy.tryAcquire(Context.withClock(clock).withTimeout(50));
    const aborted = policy.tryAcquire(Context.from(controller.signal));
    const released = policy.tryAcquire(Context.from(controller.signal));

    expect(released?.release()).toBe(true);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    await clock.advance(50);
    expect([timed?.isReleased, aborted?.isReleased]).toEqual([true, false]);
    controller.abort();
    expect([aborted?.isReleased, aborted?.release()]).toEqual([true, false]);

    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(policy.snapshot()).toMatchObject({ running: 0, admitted: 3 });
  });

  it('is not there where a call would not run at once, and that is counted and told', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    const policy = bulkhead({ maxConcurrent: 1, maxQueued: 5, events });
    const permit = policy.tryAcquire();

    expect(policy.tryAcquire()).toBeUndefined();
    expect(policy.snapshot()).toMatchObject({ running: 1, queued: 0, rejections: { 'queue-full': 1 } });
    expect(recorder.events).toMatchObject([{ type: 'bulkhead.rejected', reason: 'queue-full' }]);
    permit?.release();
    expect(policy.tryAcquire()?.isReleased).toBe(false);
  });

  it('is not there for a context that has ended, which is no refusal', () => {
    const policy = bulkhead(1);

    expect(policy.tryAcquire(Context.from(AbortSignal.abort()))).toBeUndefined();
    expect(policy.snapshot()).toMatchObject({ running: 0, rejected: 0 });
  });

  it('is given back at once where a listener ends its context meanwhile', () => {
    const events = createEvents();
    const context = Context.background.withCancel();
    events.listen(() => context.cancel());
    const policy = bulkhead({ maxConcurrent: 1, enforcement: 'observe', events });
    policy.tryAcquire();

    expect(policy.tryAcquire(context)?.isReleased).toBe(true);
    expect(policy.snapshot()).toMatchObject({ running: 1, observed: 1 });
  });

  it('leaves a call that runs no less room than it takes', async () => {
    const policy = bulkhead(1);
    using permit = policy.tryAcquire();

    expect(await settled(policy.execute(() => 'ran'))).toMatchObject({ error: { reason: 'queue-full' } });
    expect(permit?.isReleased).toBe(false);
  });

  it('needs a context, where it is given anything', () => {
    const policy = bulkhead(1);

    expect(() => policy.tryAcquire(new AbortController().signal as never)).toThrow(TypeError);
    expect(policy.snapshot().running).toBe(0);
  });
});
