import { describe, expect, it } from 'vitest';

import { Context } from '../../kernel/context.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Layer } from '../../kernel/handler.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { after, never, observe } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { timeout, timeoutDefaults, timeoutKind, timeoutRules } from './timeout.ts';

const layer = (name: string, make: Layer): LayeredPolicy => createPolicy({ kind: name, name, layer: make });

/** A layer inside that reports late and in a way of its own, whatever becomes of the context. */
const late = (clock: ReturnType<typeof virtualClock>, how: 'reject' | 'refuse'): LayeredPolicy =>
  layer('late', () => (_operation, _context, sink) => {
    clock.setTimer(() => sink[how]('of the layer', clock.now()), 150);
  });

describe('a timed call', () => {
  it('tells of its time, and of the run that settles after it, with all that the events promise', async () => {
    const clock = virtualClock();
    const events = createEvents();
    const told = recordEvents(events);
    const policy = timeout({ name: 'prices', timeoutMs: 100, clock, events });
    const base = { policy: 'timeout', name: 'prices' };
    observe(policy.execute(() => after(clock, 130, 'late')));
    await clock.advance(200);

    expect(told.events).toEqual([
      { ...base, type: 'timeout.expired', enforcement: 'enforce', timeoutMs: 100 },
      { ...base, type: 'timeout.settled-late', status: 'fulfilled', lateMs: 30 },
    ]);
    expect(policy.snapshot()).toEqual({
      timeoutMs: 100,
      enforcement: 'enforce',
      timedOut: 1,
      observed: 0,
      late: 0,
      settledLate: 1,
    });
  });

  it.each(['reject', 'refuse'] as const)(
    'timeout (4), (5) is settled once, and takes a layer that comes to %s afterwards for a late run',
    async (how) => {
      const clock = virtualClock();
      const events = createEvents();
      const told = recordEvents(events);
      const policy = timeout({ timeoutMs: 100, clock, events });
      const call = observe(pipeline(policy, late(clock, how)).execute(() => 1));
      await clock.advance(100);
      expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT' } });
      expect(policy.snapshot().late).toBe(1);
      await clock.advance(50);

      expect(policy.snapshot()).toMatchObject({ late: 0, settledLate: 1 });
      expect(told.events.at(-1)).toMatchObject({ type: 'timeout.settled-late', status: 'rejected', lateMs: 50 });
    },
  );

  it.each(['enforce', 'observe'] as const)('(4) hands on that it was refused, under %s', async (enforcement) => {
    const clock = virtualClock();
    const reports: string[] = [];
    const watching = layer('watching', (inner) => (operation, context, sink, now) => {
      inner(
        operation,
        context,
        {
          resolve: (value, at) => sink.resolve(value, at),
          reject: (error, at) => {
            reports.push('error');
            sink.reject(error, at);
          },
          refuse: (error, at) => {
            reports.push('refused');
            sink.refuse(error, at);
          },
        },
        now,
      );
    });
    const refusing = layer('refusing', () => (_operation, _context, sink, now) => sink.refuse('no', now));
    const failing = layer('failing', () => (_operation, _context, sink, now) => sink.reject('boom', now));
    const policy = timeout({ timeoutMs: 100, clock, enforcement });

    await expect(pipeline(watching, policy, refusing).execute(() => 1)).rejects.toBe('no');
    await expect(pipeline(watching, policy, failing).execute(() => 1)).rejects.toBe('boom');
    expect(reports).toEqual(['refused', 'error']);
    await clock.advance(200);
    expect(policy.snapshot()).toMatchObject({ timedOut: 0, observed: 0 });
    expect(clock.pendingCount).toBe(0);
  });

  it('observe counts a call once, and only while it runs', async () => {
    const clock = virtualClock();
    const policy = timeout({ timeoutMs: 100, clock, enforcement: 'observe' });
    const calls = [99, 100, 250].map((ms) => observe(policy.execute(() => after(clock, ms, ms))));
    await clock.advance(300);

    expect(calls.map((call) => call())).toMatchObject([{ value: 99 }, { value: 100 }, { value: 250 }]);
    expect(policy.snapshot()).toMatchObject({ timedOut: 0, observed: 2 });
    expect(clock.pendingCount).toBe(0);
  });

  it.each([
    [1049, 1049],
    [1050, 1050],
    [1051, 1050],
    [Infinity, 1050],
  ])(
    'timeout (2) ends with the deadline of the caller, %d, where that is not later: %d',
    async (deadline, expected) => {
      const clock = virtualClock(1000);
      const context = Context.withClock(clock).withDeadline(deadline);

      await expect(timeout({ timeoutMs: 50, clock }).execute((own) => own.deadline, context)).resolves.toBe(expected);
      const own = await timeout({ timeoutMs: 50, clock }).execute((given) => given, context);
      expect(own === context).toBe(deadline <= 1050);
    },
  );

  it.each([
    [30, 30, true],
    [50, 50, true],
    [70, 50, false],
  ])('(2) the same on another clock: with %d ms left', async (leftMs, endsAfterMs, isTheirs) => {
    const [clock, theirs] = [virtualClock(1000), virtualClock(5000)];
    const context = Context.withClock(theirs).withTimeout(leftMs);
    let own: Context | undefined;
    const call = observe(
      timeout({ timeoutMs: 50, clock }).execute((given) => {
        own = given;
        return never();
      }, context),
    );
    await Promise.all([clock.advance(endsAfterMs), theirs.advance(endsAfterMs)]);

    expect(own === context).toBe(isTheirs);
    expect(call().status).toBe('rejected');
  });

  it('a context that is first looked at after its call tells that its deadline has passed, and sets no timer for it', async () => {
    const clock = virtualClock();
    let own: Context = Context.background;
    await timeout({ timeoutMs: 50, clock }).execute((given) => void (own = given));
    await clock.advance(100);
    await settle();

    expect([own.cancelled, clock.pendingCount]).toEqual([true, 0]);
  });

  it('has a kind for configuration', () => {
    expect(timeoutKind).toEqual({
      kind: 'timeout',
      rules: timeoutRules,
      required: ['timeoutMs'],
      defaults: timeoutDefaults,
      create: timeout,
    });
    expect(() => timeout({ timeoutMs: 5 }).update({ name: 'other' } as never)).toThrow(
      'timeout.update has no option "name"; it knows enforcement, timeoutMs',
    );
    expect(() => timeout({} as never)).toThrow('timeout.timeoutMs must be a number from 0 to Infinity, got undefined');
  });
});
