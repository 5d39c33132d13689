import { getEventListeners } from 'node:events';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type CancellableContext, Context, contextKey } from '../../kernel/context.ts';
import { type HookError, RejectionError } from '../../kernel/errors.ts';
import { createEvents } from '../../kernel/events.ts';
import { onHookError } from '../../kernel/hooks.ts';
import { pipeline } from '../../kernel/pipeline.ts';
import { recordEvents } from '../../testing/event-recorder.ts';
import { never, observe, operationTable, settled } from '../../testing/operation-table.ts';
import { settle, virtualClock } from '../../testing/virtual-clock.ts';
import { bulkhead } from '../bulkhead/bulkhead.ts';
import { circuitBreaker } from '../circuit-breaker/circuit-breaker.ts';
import { fallback } from '../fallback/fallback.ts';
import { retry } from '../retry/retry.ts';
import { timeout } from '../timeout/timeout.ts';
import { type CoalesceOptions, type CoalesceSnapshot, coalesce } from './coalesce.ts';

const topic = contextKey<string>('topic');
const about = (key: string): CancellableContext => Context.background.withValue(topic, key).withCancel();
const make = (options: Partial<CoalesceOptions> = {}) =>
  coalesce({ name: 'prices', keyOf: (context) => context.value(topic), ...options });

/** An operation that counts its runs, keeps their contexts, and ends when told to. */
function controlled() {
  const contexts: Context[] = [];
  let finish: (value: unknown) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  return {
    contexts,
    run: (context: Context): Promise<unknown> => {
      contexts.push(context);
      return new Promise((resolve, reject) => {
        finish = resolve;
        fail = reject;
      });
    },
    finish: (value: unknown) => {
      finish(value);
      return settle();
    },
    fail: (error: unknown) => {
      fail(error);
      return settle();
    },
  };
}

const fresh: CoalesceSnapshot = {
  enforcement: 'enforce',
  maxKeys: 10_000,
  inFlight: 0,
  runs: 0,
  shared: 0,
  overflowed: 0,
  abandoned: 0,
  observed: 0,
};

class Busy extends RejectionError {
  readonly code = 'BUSY';
}

describe('coalesce', () => {
  let hookErrors: HookError[];

  beforeEach(() => {
    hookErrors = [];
    onHookError((error) => hookErrors.push(error));
  });
  afterEach(() => void onHookError(undefined));

  it('(1) runs once for all calls with one key that come while it runs, and gives them one value', async () => {
    const policy = make();
    const work = controlled();
    const calls = Array.from({ length: 5 }, () => observe(policy.execute(work.run, about('tea'))));
    const other = controlled();
    const elsewhere = observe(policy.execute(other.run, about('milk')));

    expect(policy.snapshot()).toEqual({ ...fresh, inFlight: 2, runs: 2, shared: 4 });
    const value = { price: 42 };
    await work.finish(value);

    expect(work.contexts).toHaveLength(1);
    for (const call of calls) expect((call() as { value?: unknown }).value).toBe(value);
    expect(elsewhere()).toEqual({ status: 'pending' });
    expect(policy.snapshot()).toMatchObject({ inFlight: 1, shared: 4 });
  });

  it('(1) shares nothing between calls without a key', async () => {
    const policy = make();
    const runs: number[] = [];
    await Promise.all([1, 2, 3].map((n) => policy.execute(async () => runs.push(n))));

    expect(runs).toEqual([1, 2, 3]);
    expect(policy.snapshot()).toMatchObject({ inFlight: 0, shared: 0 });
  });

  it('(1) counts the empty string as a key', () => {
    const policy = make({ keyOf: () => '' });
    observe(policy.execute(never));
    observe(policy.execute(never));

    expect(policy.snapshot()).toMatchObject({ inFlight: 1, shared: 1 });
  });

  it('charter A7: has at most maxKeys shared runs, and runs calls with further keys by themselves', async () => {
    const policy = make({ maxKeys: 2 });
    const [first, second, third] = [controlled(), controlled(), controlled()];
    observe(policy.execute(first.run, about('a')));
    observe(policy.execute(second.run, about('b')));
    observe(policy.execute(third.run, about('c')));
    observe(policy.execute(third.run, about('c')));
    observe(policy.execute(first.run, about('a')));

    expect(third.contexts).toHaveLength(2);
    expect(first.contexts).toHaveLength(1);
    expect(policy.snapshot()).toEqual({ ...fresh, inFlight: 2, runs: 2, shared: 1, maxKeys: 2, overflowed: 2 });

    await second.finish('done');
    observe(policy.execute(third.run, about('c')));
    observe(policy.execute(third.run, about('c')));
    expect(third.contexts).toHaveLength(3);
  });

  it('(2), charter F1: gives an error to all that share the run, by identity', async () => {
    const policy = make();
    const work = controlled();
    const calls = [1, 2, 3].map(() => observe(policy.execute(work.run, about('tea'))));
    const error = new Error('no such tea');
    await work.fail(error);

    for (const call of calls) expect((call() as { error?: unknown }).error).toBe(error);
  });

  it('(2) refuses all that share a run that was refused, so that no breaker outside counts it', async () => {
    const policy = make();
    const full = bulkhead(1);
    const breaker = circuitBreaker({ minimumCalls: 1, failureRatio: 1, classify: () => 'failure' });
    const waiting = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
    observe(full.execute(never));
    const through = controlled();
    observe(waiting.execute(through.run));
    const calls = [1, 2].map(() =>
      observe(pipeline(breaker, policy, waiting, full).execute(() => 'value', about('tea'))),
    );
    await through.finish('free'); // now the run leaves the queue, and the full bulkhead refuses it

    for (const call of calls) expect(call()).toMatchObject({ error: { code: 'BULKHEAD_FULL' } });
    expect(policy.snapshot()).toMatchObject({ inFlight: 0, shared: 1 });
    expect(breaker.state).toBe('closed');
  });

  describe('(2), charter C4: hands on to all what an operation comes to, when it', () => {
    it.each(operationTable())('$title', async ({ operation, expected }) => {
      const policy = make();
      const calls = [1, 2].map(() => settled(policy.execute(operation, about('tea'))));

      expect(await Promise.all(calls)).toEqual([expected, expected]);
      expect(policy.snapshot().inFlight).toBe(0);
    });
  });

  it('(4) keeps no value, error or refusal: the next call runs anew', async () => {
    const policy = make();
    const error = new Error('boom');
    const throwing = (): never => {
      throw error;
    };
    const refusing = pipeline(policy, bulkhead(1));
    const taken = controlled();
    let runs = 0;

    expect(await settled(policy.execute(() => 'one', about('tea')))).toMatchObject({ value: 'one' });
    expect(await settled(policy.execute(throwing, about('tea')))).toEqual({ status: 'rejected', error });
    expect(await settled(policy.execute(() => Promise.reject(new Busy('busy')), about('tea')))).toMatchObject({
      error: { code: 'BUSY' },
    });
    observe(refusing.execute(taken.run, about('milk')));
    expect(await settled(refusing.execute(() => ++runs, about('tea')))).toMatchObject({
      error: { code: 'BULKHEAD_FULL' },
    });
    await taken.finish('done');
    expect(await settled(refusing.execute(() => ++runs, about('tea')))).toMatchObject({ value: 1 });
    expect(policy.snapshot()).toMatchObject({ inFlight: 0, shared: 0 });
  });

  it('(4) is through with a run before it tells anybody, so that retries outside share another', async () => {
    const clock = virtualClock();
    const policy = make();
    const work = controlled();
    const retried = pipeline(retry({ baseDelayMs: 0, clock }), policy);
    const calls = [1, 2].map(() => observe(retried.execute(work.run, about('tea'))));

    await work.fail(new Error('boom'));
    await clock.advance(1);
    expect(policy.snapshot()).toMatchObject({ inFlight: 1, shared: 2 });
    await work.finish('value');

    expect(calls.map((call) => call())).toMatchObject([{ value: 'value' }, { value: 'value' }]);
    expect(work.contexts).toHaveLength(2);
  });

  it('(4) starts another run for a call that is made in answer to the outcome, in the same turn', async () => {
    const policy = make();
    const work = controlled();
    const again = controlled();
    const answering = fallback({ substitute: () => policy.execute(again.run, about('tea')) });
    observe(pipeline(answering, policy).execute(work.run, about('tea')));

    await work.fail(new Error('boom'));

    expect(again.contexts).toHaveLength(1);
  });

  describe('(2), charter G5: when a caller aborts', () => {
    const reason = { why: 'the user left' };

    it('rejects it within the tick, and leaves run and others alone', async () => {
      const policy = make();
      const work = controlled();
      const leaving = about('tea');
      const first = observe(policy.execute(work.run, leaving));
      const second = observe(policy.execute(work.run, about('tea')));

      leaving.cancel(reason);
      await Promise.resolve();
      await Promise.resolve();
      expect(first()).toEqual({ status: 'rejected', error: reason });
      expect(work.contexts[0]?.cancelled).toBe(false);

      await work.finish('value');
      expect(second()).toEqual({ status: 'fulfilled', value: 'value' });
      expect(work.contexts).toHaveLength(1);
    });

    it('(3) ends the run when it was the last, with its cause, and forgets the run', async () => {
      const policy = make();
      const work = controlled();
      const [first, second] = [about('tea'), about('tea')];
      const calls = [first, second].map((context) => observe(policy.execute(work.run, context)));
      const signal = work.contexts[0]?.signal;

      first.cancel('first');
      expect(signal?.aborted).toBe(false);
      second.cancel(reason);
      expect(signal?.reason).toBe(reason);
      expect(work.contexts[0]?.cause).toBe(reason);
      expect(policy.snapshot()).toMatchObject({ inFlight: 0, runs: 1, abandoned: 1 });

      const anew = controlled();
      const third = observe(policy.execute(anew.run, about('tea')));
      await work.finish('late');
      await anew.finish('anew');
      expect(calls.map((call) => call())).toMatchObject([{ error: 'first' }, { error: reason }]);
      expect(third()).toEqual({ status: 'fulfilled', value: 'anew' });
    });

    it('(3) tells a context that nobody had asked yet, too', async () => {
      const policy = make();
      const work = controlled();
      const context = about('tea');
      observe(policy.execute(work.run, context));

      context.cancel(reason);
      expect(work.contexts[0]?.cause).toBe(reason);
      expect(work.contexts[0]?.signal.reason).toBe(reason);
    });

    it('refuses a call whose context has ended on the way, and starts nothing', async () => {
      const context = about('tea');
      let runs = 0;
      const policy = make({ keyOf: () => (context.cancel(reason), 'tea') });

      expect(await settled(policy.execute(() => ++runs, context))).toEqual({ status: 'rejected', error: reason });
      expect(runs).toBe(0);
      expect(policy.snapshot().inFlight).toBe(0);
    });

    it('refuses one that wanted to join, and does not count it among those who wait', async () => {
      const [first, second] = [about('tea'), about('tea')];
      const policy = make({ keyOf: (context) => (context === second && second.cancel(reason), 'tea') });
      observe(policy.execute(never, first));

      expect(await settled(policy.execute(never, second))).toEqual({ status: 'rejected', error: reason });
      expect(policy.snapshot()).toMatchObject({ inFlight: 1, shared: 0 });
      first.cancel(reason);
      expect(policy.snapshot().inFlight).toBe(0);
    });

    it('while the operation starts, ends the run', async () => {
      const policy = make();
      const context = about('tea');
      const call = settled(policy.execute(() => (context.cancel(reason), 'value'), context));

      expect(await call).toEqual({ status: 'rejected', error: reason });
      expect(policy.snapshot().inFlight).toBe(0);
    });

    it('refuses it where the run still waited, rejects it where the operation ran', async () => {
      const breaker = circuitBreaker({ minimumCalls: 1, classify: () => 'failure' });
      const queue = bulkhead({ maxConcurrent: 1, maxQueued: 1 });
      const before = controlled();
      observe(queue.execute(before.run));
      const calls = pipeline(breaker, make(), queue);
      const [early, late] = [about('tea'), about('tea')];
      for (const context of [early, late]) observe(calls.execute(never, context));

      early.cancel(reason);
      expect(breaker.state).toBe('closed');
      await before.finish('done');
      late.cancel(reason);
      expect(breaker.state).toBe('open');
    });
  });

  describe('(3) with deadlines', () => {
    it('lets each go at its own, whoever came first, and ends the run with the last', async () => {
      const clock = virtualClock();
      const policy = make();
      const work = controlled();
      const request = Context.withClock(clock).withValue(topic, 'tea');
      const [early, late, middle] = [100, 300, 200].map((ms) => request.withTimeout(ms));
      const calls = [early, late, middle].map((context) => observe(policy.execute(work.run, context)));
      const standing = (): string => calls.map((call) => call().status).join(' ');

      await clock.advance(99);
      expect(standing()).toBe('pending pending pending');
      expect(clock.referencedCount).toBe(3); // each is waited for, also by the process
      await clock.advance(1);
      expect(standing()).toBe('rejected pending pending');
      await clock.advance(100);
      expect(standing()).toBe('rejected pending rejected');
      expect(work.contexts[0]?.cancelled).toBe(false);
      await clock.advance(100);
      expect(calls[1]?.()).toEqual({ status: 'rejected', error: late?.cause });
      expect(work.contexts[0]?.cause).toBe(late?.cause);
      expect(clock.pendingCount).toBe(0);
    });

    it('gives the run none of its own, so that a later one may join', () => {
      const policy = make();
      const work = controlled();
      observe(policy.execute(work.run, Context.withClock(virtualClock()).withValue(topic, 'tea').withTimeout(100)));

      expect(work.contexts[0]?.deadline).toBe(Infinity);
    });

    it('keeps to the time of a timeout inside for the run, and of one outside for each caller', async () => {
      const clock = virtualClock();
      const policy = make();
      const inside = pipeline(policy, timeout({ name: 'run', timeoutMs: 100, clock }));
      const outside = pipeline(timeout({ name: 'caller', timeoutMs: 40, clock }), inside);
      const patient = observe(inside.execute(never, Context.withClock(clock).withValue(topic, 'tea')));
      const hasty = observe(outside.execute(never, Context.withClock(clock).withValue(topic, 'tea')));

      await clock.advance(40);
      expect(hasty()).toMatchObject({ error: { policy: 'caller' } });
      expect(patient().status).toBe('pending');
      await clock.advance(60);
      expect(patient()).toMatchObject({ error: { policy: 'run' } });
      expect(clock.pendingCount).toBe(0);
    });
  });

  it('runs with the values of the call that started it', async () => {
    const user = contextKey<string>('user');
    const policy = make();
    const work = controlled();
    observe(policy.execute(work.run, about('tea').withValue(user, 'Ada')));
    observe(policy.execute(work.run, about('tea').withValue(user, 'Bob')));

    expect(work.contexts[0]?.value(user)).toBe('Ada');
  });

  it('(5) runs a call of its own key inside the run by itself, at any depth, instead of waiting for ever', async () => {
    const policy = make();
    const nested = policy.execute(
      (tea) =>
        policy.execute(
          (milk) => policy.execute(() => 'innermost', milk.withValue(topic, 'tea')),
          tea.withValue(topic, 'milk'),
        ),
      about('tea'),
    );

    await expect(nested).resolves.toBe('innermost');
    await expect(pipeline(policy, policy).execute(() => 'value', about('tea'))).resolves.toBe('value');
    expect(policy.snapshot()).toMatchObject({ inFlight: 0, shared: 0, overflowed: 0 });
  });

  it.each([
    ['throws', () => { throw new Error('bad key'); }], // prettier-ignore
    ['gives a number', () => 7],
    ['gives a promise', async () => Promise.reject(new Error('late'))],
    ['gives null', () => null],
  ])('(6) reports a keyOf that %s, and runs the call by itself', async (_title, keyOf) => {
    const policy = make({ keyOf: keyOf as never });
    let runs = 0;
    const calls = [1, 2].map(() => policy.execute(async () => ++runs, about('tea')));

    expect(await Promise.all(calls)).toEqual([1, 2]);
    expect(hookErrors).toMatchObject([
      { hook: 'keyOf', policy: 'prices' },
      { hook: 'keyOf', policy: 'prices' },
    ]);
  });

  it('tells its listeners of each call that joins a run, and does not mind what they throw', async () => {
    const events = createEvents();
    const recorder = recordEvents(events);
    events.listen(() => {
      throw new Error('bad listener');
    });
    const policy = make({ events });
    const calls = [1, 2].map(() => policy.execute(async () => 'value', about('tea')));

    expect(await Promise.all(calls)).toEqual(['value', 'value']);
    expect(recorder.events).toEqual([
      { type: 'coalesce.shared', policy: 'coalesce', name: 'prices', enforcement: 'enforce', key: 'tea' },
    ]);
    expect(hookErrors).toMatchObject([{ hook: 'listener' }]);
  });

  it('(2) tells one that leaves while the outcome is handed out its own cause, and ends nothing for it', async () => {
    const policy = make();
    const [work, again] = [controlled(), controlled()];
    const other = about('tea');
    const substitute = (): unknown => {
      const anew = policy.execute(again.run, about('tea'));
      other.cancel('enough');
      return anew;
    };
    observe(pipeline(fallback({ substitute }), policy).execute(work.run, about('tea')));
    const second = observe(policy.execute(work.run, other));

    await work.fail(new Error('boom'));

    expect(second()).toEqual({ status: 'rejected', error: 'enough' });
    expect(work.contexts[0]?.cancelled).toBe(false);
    expect(policy.snapshot()).toMatchObject({ inFlight: 1, abandoned: 0 });
  });

  it('(4), charter A3: leaves no listener on a long-lived signal, whoever joined, left or was served', async () => {
    const controller = new AbortController();
    const shared = Context.from(controller.signal).withValue(topic, 'tea');
    const policy = make();

    for (let round = 0; round < 2000; round++) {
      const own = shared.withCancel();
      const calls = [shared, own, shared].map((context) => settled(policy.execute(async () => round, context)));
      own.cancel('enough');
      expect(await Promise.all(calls)).toMatchObject([{ value: round }, { error: 'enough' }, { value: round }]);
    }

    expect(policy.snapshot()).toMatchObject({ inFlight: 0, shared: 4000 });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});
