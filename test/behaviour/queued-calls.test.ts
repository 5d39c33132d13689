import { Context, type Policy, bulkhead, circuitBreaker, fallback, pipeline, retry, timeout } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

describe('a call that waited and was never run', () => {
  it('charter D2, E7: does not count against the dependency when its deadline passes in the queue', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 3, window: { kind: 'count', size: 10 } });
    const policy = pipeline(breaker, bulkhead({ maxConcurrent: 1, maxQueued: 100 }));
    const takes = (ms: number) => (): Promise<string> =>
      new Promise((resolve) => void clock.setTimer(() => resolve('done'), ms));

    const calls = Array.from({ length: 12 }, () =>
      policy.execute(takes(60), Context.withClock(clock).withTimeout(100)).catch(() => 'gave up'),
    );
    await clock.runAll();

    expect(await Promise.all(calls)).toEqual(['done', ...Array.from({ length: 11 }, () => 'gave up')]);
    expect(breaker.snapshot()).toMatchObject({ state: 'closed', verdicts: { success: 1, failure: 1, ignored: 10 } });
  });

  it('charter D2: gives its probe back without a verdict', async () => {
    const clock = virtualClock();
    const breaker = circuitBreaker({ clock, minimumCalls: 1, openForMs: 100, maxProbes: 1 });
    const full = bulkhead({ maxConcurrent: 1, maxQueued: 5 });
    await breaker.execute(() => Promise.reject(new Error('down'))).catch(() => {});
    void full.execute(() => new Promise(() => {})); // somebody else holds the only permit
    await clock.advance(100);

    const probe = pipeline(breaker, timeout({ timeoutMs: 50, clock }), full).execute(() => 'never run');
    const outcome = probe.catch((error: unknown) => error);
    await clock.advance(50);
    expect(await outcome).toMatchObject({ code: 'TIMEOUT' });

    expect(breaker.snapshot()).toMatchObject({ state: 'half-open', verdicts: { failure: 1, ignored: 1 } });
    await expect(breaker.execute(() => 'back')).resolves.toBe('back');
    expect(breaker.state).toBe('closed');
  });

  it('charter E7: is told from one that ran, through retries, fallbacks and policies of others', async () => {
    const clock = virtualClock();
    const full = bulkhead(1);
    void full.execute(() => new Promise(() => {}));
    const plain: Policy = { execute: async (operation, context) => operation(context ?? Context.background) };
    const around = [
      retry({ clock, baseDelayMs: 0, isRetryable: () => true }),
      fallback({ substitute: () => Promise.reject(new Error('nor this')) }),
      plain,
    ];

    for (const policy of around) {
      const breaker = circuitBreaker({ clock, classify: () => 'failure' });
      const call = pipeline(breaker, policy, full).execute(() => 'never run');
      const outcome = call.catch((error: unknown) => error);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await clock.runAll();
      // oxlint-disable-next-line no-await-in-loop -- likewise
      expect(await outcome).toBeInstanceOf(Error);
      expect(breaker.snapshot().verdicts).toEqual({ success: 0, failure: 0, ignored: 1 });
    }
  });

  it('charter G6: does not start after its deadline, though a policy around it has given up before', async () => {
    const clock = virtualClock();
    const permits = bulkhead({ maxConcurrent: 1, maxQueued: 5 });
    const holder = deferred();
    void permits.execute(() => holder.promise);
    const impatient: Policy = {
      execute: (operation, context = Context.background) =>
        Promise.race([
          Promise.resolve(operation(context)),
          new Promise<never>((_resolve, reject) => void clock.setTimer(() => reject(new Error('enough')), 30)),
        ]),
    };
    let runs = 0;

    const call = pipeline(timeout({ timeoutMs: 80, clock }), impatient, permits).execute(() => runs++);
    const outcome = call.catch((error: unknown) => error);
    await clock.advance(30);
    expect(await outcome).toMatchObject({ message: 'enough' });
    await clock.advance(170);
    holder.resolve();
    await settle();

    expect(runs).toBe(0);
    expect(permits.snapshot()).toMatchObject({ running: 0, queued: 0 });
  });
});

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let settlePromise: () => void = () => {};
  const promise = new Promise<void>((resolve) => (settlePromise = resolve));
  return { promise, resolve: () => settlePromise() };
}
