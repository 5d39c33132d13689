import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { DeadlineExceededError } from '../../kernel/cancellation.ts';
import { Context } from '../../kernel/context.ts';
import { type HookError, RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import type { Handler, Sink } from '../../kernel/handler.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { createPolicy } from '../../kernel/policy.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, scripted } from '../../testing/operation-table.ts';
import { type VirtualClock, settle, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { timeout } from '../timeout/timeout.ts';
import { type HedgeOptions, hedge } from './hedge.ts';

class Refused extends RejectionError {
  readonly code = 'REFUSED';
}

describe('hedged call', () => {
  let clock: VirtualClock;
  let hookErrors: HookError[];

  beforeEach(() => {
    clock = virtualClock();
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  const make = (options: Partial<HedgeOptions> = {}) => hedge({ delayMs: 100, clock, ...options });

  describe('fails', () => {
    it('(2) at once when all copies so far have failed before the delay is over: it answers slowness, not failure', async () => {
      const error = new Error('down');
      const operation = scripted(clock, [99, error], [0, 'second']);
      const policy = make();
      const call = observe(policy.execute(operation.run));

      await clock.advance(99);

      expect(call()).toEqual({ status: 'rejected', error });
      expect(clock.pendingCount).toBe(0);
      await clock.runAll();
      expect(operation.startedAt).toEqual([0]);
      expect(policy.snapshot().hedged).toBe(0);
    });

    it('(2) with the error of the copy that failed last', async () => {
      const [first, second] = [new Error('first'), new Error('second')];
      const operation = scripted(clock, [300, first], [50, second]);
      const call = observe(make().execute(operation.run));

      await clock.runAll();

      expect(call().status === 'rejected' && (call() as { error: unknown }).error === first).toBe(true);
    });

    it('with what ran and not with a refusal, whichever came last', async () => {
      const boom = new Error('boom');
      for (const refusedMs of [10, 400]) {
        const operation = scripted(clock, [300, boom]);
        const policy = pipeline(make(), refusingFrom(2, refusedMs));
        const outer = outcomes();
        const call = observe(pipeline(outer.policy, policy).execute(operation.run));
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        await clock.runAll();

        expect(call()).toEqual({ status: 'rejected', error: boom });
        expect(outer.seen).toEqual(['reject']);
      }
    });

    it('as a refusal only where no copy ran', async () => {
      const outer = outcomes();
      const call = observe(pipeline(outer.policy, make(), refusingFrom(1, 0)).execute(never));
      await clock.runAll();

      expect(call()).toMatchObject({ error: { code: 'REFUSED' } });
      expect(outer.seen).toEqual(['refuse']);
    });
  });

  /** A policy that refuses copies from the `first` on, `afterMs` after they came. */
  function refusingFrom(first: number, afterMs: number) {
    let copies = 0;
    const layer =
      (inner: Handler): Handler =>
      (operation, context, sink, now) => {
        if (++copies < first) inner(operation, context, sink, now);
        else if (afterMs === 0) sink.refuse(new Refused('no'), now);
        else clock.setTimer(() => sink.refuse(new Refused('no'), clock.now()), afterMs);
      };
    return createPolicy({ kind: 'refusing', name: 'refusing', layer });
  }

  /** A policy that notes what its sink is told. */
  function outcomes() {
    const seen: string[] = [];
    const layer =
      (inner: Handler): Handler =>
      (operation, context, sink, now) => {
        const note = (what: 'resolve' | 'reject' | 'refuse') => (outcome: unknown, at: number) => {
          seen.push(what);
          sink[what](outcome, at);
        };
        inner(operation, context, { resolve: note('resolve'), reject: note('reject'), refuse: note('refuse') }, now);
      };
    return { seen, policy: createPolicy({ kind: 'outcomes', name: 'outcomes', layer }) };
  }

  describe('(3) charter G5: when the caller aborts', () => {
    const reason = { why: 'the user left' };

    it('before the call, runs nothing', async () => {
      const operation = scripted(clock);
      const call = observe(make().execute(operation.run, Context.from(AbortSignal.abort(reason))));

      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(operation.startedAt).toEqual([]);
    });

    it.each([50, 150])('after %d ms, rejects at once, starts nothing and keeps no timer', async (abortedMs) => {
      const context = Context.withClock(clock).withCancel();
      const operation = scripted(clock);
      const policy = make({ maxAttempts: 5 });
      const call = observe(policy.execute(operation.run, context));
      await clock.advance(abortedMs);
      const started = operation.startedAt.length;

      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(clock.pendingCount).toBe(0);
      expect(operation.startedAt).toHaveLength(started);
      expect(operation.contexts.every(({ cause }) => cause === reason)).toBe(true);
    });

    it('from a listener, as a hedge is to start, does not start it', async () => {
      const context = Context.withClock(clock).withCancel();
      const events = createEvents();
      events.listen(() => context.cancel(reason));
      const operation = scripted(clock);
      const policy = make({ events });
      const call = observe(policy.execute(operation.run, context));

      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(operation.startedAt).toEqual([0]);
      expect(policy.snapshot().hedged).toBe(0);
    });

    it('gives the reason where one copy failed before and the other waits in a queue', async () => {
      const context = Context.withClock(clock).withCancel();
      const gate = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
      observe(gate.execute(never));
      let copies = 0;
      const layer = (inner: Handler): Handler => {
        const queued = gate.layer(inner);
        return (...call) => (++copies === 1 ? inner(...call) : queued(...call));
      };
      const second = createPolicy({ kind: 'second', name: 'second', layer });
      const outer = outcomes();
      const operation = scripted(clock, [150, new Error('first')]);
      const call = observe(pipeline(outer.policy, make(), second).execute(operation.run, context));
      await clock.advance(200);

      context.cancel(reason);
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: reason });
      expect(outer.seen).toEqual(['reject']);
    });
  });

  it('reports a run as one where a copy that waits is told of the end before the one that runs', async () => {
    const context = Context.withClock(clock).withCancel();
    const gate = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
    observe(gate.execute(never));
    let copies = 0;
    const layer = (inner: Handler): Handler => {
      const queued = gate.layer(inner);
      return (...call) => (++copies === 1 ? queued(...call) : inner(...call));
    };
    const outer = outcomes();
    const first = createPolicy({ kind: 'first', name: 'first', layer });
    const call = observe(pipeline(outer.policy, make(), first).execute(never, context));
    await clock.advance(100);

    context.cancel('enough');
    await settle();

    expect(call()).toEqual({ status: 'rejected', error: 'enough' });
    expect(outer.seen).toEqual(['reject']);
  });

  describe('(3) with a deadline', () => {
    it.each([
      [100, 1],
      [101, 2],
      [200, 2],
      [201, 3],
    ])('of %d ms, starts %d copies: a delay that would reach it is not begun', async (timeoutMs, copies) => {
      const operation = scripted(clock);
      const context = Context.withClock(clock).withTimeout(timeoutMs);
      const call = observe(make({ maxAttempts: 5 }).execute(operation.run, context));

      await clock.runAll();

      expect(operation.startedAt).toHaveLength(copies);
      expect(call()).toMatchObject({ status: 'rejected', error: context.cause });
      expect(context.cause).toBeInstanceOf(DeadlineExceededError);
      expect(clock.now()).toBe(timeoutMs);
    });

    it('on another clock, goes by the time that is left on it', async () => {
      const other = virtualClock(1_000_000);
      const counts = [100, 101].map((timeoutMs) => {
        const operation = scripted(clock);
        observe(make().execute(operation.run, Context.withClock(other).withTimeout(timeoutMs)));
        return operation.startedAt;
      });

      await clock.runAll();

      expect(counts).toEqual([[0], [0, 100]]);
    });

    it('that has passed before its timer could say so, starts nothing', async () => {
      const late = virtualClock();
      const context = Context.withClock(late).withTimeout(150);
      const operation = scripted(clock);
      const call = observe(make().execute(operation.run, context));
      await settle();
      late.now = () => 150; // the event loop was busy: timers are late

      await clock.runAll();

      expect(operation.startedAt).toEqual([0]);
      expect(call()).toEqual({ status: 'rejected', error: context.cause });
    });

    it('of a timeout around it, settles there, and a timeout inside is for each copy', async () => {
      const operation = scripted(clock, [500, ''], [90, 'second']);
      const around = observe(pipeline(timeout({ timeoutMs: 150, clock }), make()).execute(operation.run));
      const inside = observe(
        pipeline(make(), timeout({ timeoutMs: 110, clock })).execute(scripted(clock, [500, ''], [90, 'second']).run),
      );

      await clock.runAll();

      expect(around()).toMatchObject({ error: { code: 'TIMEOUT' } });
      expect(inside()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(clock.pendingCount).toBe(0);
    });
  });

  describe('classify', () => {
    const classify: HedgeOptions['classify'] = (outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value === 503 ? 'failure' : 'success';
      return (outcome.error as Error).message === 'not found' ? 'success' : 'failure';
    };

    it('keeps a value from winning, and gives it back where all failed', async () => {
      const won = observe(make({ classify }).execute(scripted(clock, [150, 503], [100, 200]).run));
      const lost = observe(make({ classify }).execute(scripted(clock, [150, new Error('x')], [100, 503]).run));
      const alone = observe(make({ classify }).execute(() => 503));

      await clock.runAll();

      expect([won(), lost(), alone()]).toMatchObject([{ value: 200 }, { value: 503 }, { value: 503 }]);
    });

    it('lets an error win', async () => {
      const error = new Error('not found');
      const policy = make({ classify });
      const operation = scripted(clock, [500, 'first'], [10, error]);
      const call = observe(policy.execute(operation.run));

      await clock.advance(110);

      expect(call()).toEqual({ status: 'rejected', error });
      expect(operation.contexts[0]?.cancelled).toBe(true);
      expect(policy.snapshot().wonByHedge).toBe(1);
    });

    it('that gives back a value is told from a refusal that follows', async () => {
      const policy = pipeline(make({ classify }), refusingFrom(2, 100));
      const call = observe(policy.execute(scripted(clock, [150, 503]).run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 503 });
    });

    it('charter C5: that throws is reported, and the default rule decides', async () => {
      const cause = new Error('bad classify');
      const policy = make({
        name: 'prices',
        classify: () => {
          throw cause;
        },
      });
      const call = observe(policy.execute(() => 'value'));
      await settle();

      expect(call()).toEqual({ status: 'fulfilled', value: 'value' });
      expect(hookErrors).toMatchObject([{ hook: 'classify', policy: 'prices', cause }]);
    });
  });

  describe('hedgeOnFailure', () => {
    const eager = (options: Partial<HedgeOptions> = {}) => make({ hedgeOnFailure: true, ...options });

    it('(1) starts the next copy as soon as one failed, and the delay anew', async () => {
      const events = createEvents();
      const { events: told } = recordEvents(events);
      const operation = scripted(clock, [30, new Error('first')], [500, ''], [10, 'third']);
      const call = observe(eager({ maxAttempts: 3, events }).execute(operation.run));

      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 30, 130]);
      expect(call()).toEqual({ status: 'fulfilled', value: 'third' });
      expect(told).toMatchObject([
        { type: 'hedge.started', attempt: 2, reason: 'failure' },
        { type: 'hedge.started', attempt: 3, reason: 'slow' },
        { type: 'hedge.won', attempt: 3 },
      ]);
    });

    it('(2) fails with the last error when no copy is left', async () => {
      const errors = [new Error('first'), new Error('second'), new Error('third')];
      const operation = scripted(clock, [5, errors[0]], [5, errors[1]], [5, errors[2]]);
      const call = observe(eager({ maxAttempts: 3 }).execute(operation.run));

      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 5, 10]);
      expect((call() as { error?: unknown }).error).toBe(errors[2]);
    });

    it('(1) goes through all copies where each throws in its turn', async () => {
      let copies = 0;
      const policy = eager({ maxAttempts: 10, maxHedgeRatio: 1 });
      const call = observe(
        policy.execute(() => {
          throw new Error(String(++copies));
        }),
      );
      await settle();

      expect(call()).toEqual({ status: 'rejected', error: new Error('10') });
      expect(clock.pendingCount).toBe(0);
      expect(policy.snapshot().hedged).toBe(9);
    });

    it('(1) (6) waits once where the copy before threw in its turn', async () => {
      let copies = 0;
      const operation = scripted(clock, [150, 'second'], [500, 'third']);
      const policy = eager({ maxAttempts: 4 });
      const call = observe(
        policy.execute((context) => {
          if (++copies === 1) throw new Error('first');
          return operation.run(context);
        }),
      );
      expect(clock.pendingCount).toBe(2); // that of the second copy, and the delay
      await clock.advance(150);

      expect(call()).toEqual({ status: 'fulfilled', value: 'second' });
      expect(operation.startedAt).toEqual([0, 100]);
      expect(clock.pendingCount).toBe(1); // that of the third copy, which does not heed its context
    });

    it('(2) goes on with what runs where a copy failed and none is left', async () => {
      const operation = scripted(clock, [300, 'first'], [10, new Error('second')]);
      const call = observe(eager().execute(operation.run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'fulfilled', value: 'first' });
      expect(operation.startedAt).toEqual([0, 100]);
    });

    it('(5) takes a hedge of the budget, and fails with the error where there is none', async () => {
      const error = new Error('down');
      const policy = eager({ maxHedgeRatio: 0 });
      const call = observe(policy.execute(scripted(clock, [5, error]).run));

      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error });
      expect(policy.snapshot()).toMatchObject({ hedged: 0, suppressedByBudget: 1 });
    });

    it('(5) asks the budget once per call', async () => {
      const policy = eager({ maxHedgeRatio: 0, maxAttempts: 5 });
      const call = observe(policy.execute(scripted(clock, [250, new Error('down')]).run));

      await clock.runAll();

      expect(call().status).toBe('rejected');
      expect(policy.snapshot()).toMatchObject({ suppressedByBudget: 1 });
    });

    it('does not answer a rejection of ours, nor what classify calls ignored', async () => {
      const policy = eager();
      const refused = observe(pipeline(policy, refusingFrom(1, 0)).execute(never));
      const operation = scripted(clock, [5, new Error('odd')]);
      const ignored = observe(eager({ classify: () => 'ignored' }).execute(operation.run));

      await clock.runAll();

      expect(refused()).toMatchObject({ error: { code: 'REFUSED' } });
      expect(policy.snapshot()).toMatchObject({ hedged: 0 });
      expect(ignored()).toMatchObject({ error: { message: 'odd' } });
      expect(operation.startedAt).toEqual([0]);
    });

    it('answers a value that classify calls a failure, and gives it back where all do', async () => {
      const operation = scripted(clock, [5, 503], [5, 502]);
      const call = observe(eager({ classify: () => 'failure' }).execute(operation.run));

      await clock.runAll();

      expect(operation.startedAt).toEqual([0, 5]);
      expect(call()).toEqual({ status: 'fulfilled', value: 502 });
    });

    it('(3) starts nothing once the context has ended, and tells of the failure', async () => {
      const context = Context.withClock(clock).withCancel();
      const events = createEvents();
      events.listen(() => context.cancel('enough'));
      const operation = scripted(clock, [5, new Error('down')]);
      const policy = eager({ events });
      const call = observe(policy.execute(operation.run, context));

      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error: new Error('down') });
      expect(operation.startedAt).toEqual([0]);
      expect(policy.snapshot().hedged).toBe(0);
    });

    it('(3) tells its caller once where a listener ends the context as a copy failed and another runs', async () => {
      const context = Context.withClock(clock).withCancel();
      const events = createEvents();
      events.listen((event) => 'reason' in event && event.reason === 'failure' && context.cancel('enough'));
      const outer = outcomes();
      const operation = scripted(clock, [500, 'first'], [10, new Error('second')]);
      const call = observe(pipeline(outer.policy, eager({ maxAttempts: 3, events })).execute(operation.run, context));

      await clock.runAll();

      expect(call()).toEqual({ status: 'rejected', error: 'enough' });
      expect(outer.seen).toEqual(['reject']);
      expect(operation.startedAt).toEqual([0, 100]);
    });
  });

  it('(1) starts no copy of a call that a listener settles as it is to start', async () => {
    const events = createEvents();
    const sinks: Sink[] = [];
    events.listen(() => sinks[0]?.resolve('value', clock.now()));
    const layer = (): Handler => (_operation, _context, sink) => sinks.push(sink);
    const call = observe(
      pipeline(make({ events }), createPolicy({ kind: 'held', name: 'held', layer })).execute(never),
    );

    await clock.runAll();

    expect(call()).toEqual({ status: 'fulfilled', value: 'value' });
    expect(sinks).toHaveLength(1);
  });
});
