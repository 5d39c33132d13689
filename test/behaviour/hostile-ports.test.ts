import {
  Context,
  bulkhead,
  cache,
  type CaptureAsyncContext,
  chaos,
  circuitBreaker,
  fallback,
  hedge,
  onHookError,
  pipeline,
  rateLimiter,
  retry,
} from '@holdfast/core';
import { type VirtualClock, settle, virtualClock } from '@holdfast/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const down = async (): Promise<never> => {
  throw new Error('down');
};
const broken = (): never => {
  throw new Error('the port is broken');
};

/** How a call stands. */
function watch(call: Promise<unknown>): () => unknown {
  let standing: unknown = 'pending';
  call.then(
    (value) => (standing = value),
    (error: unknown) => (standing = String(error)),
  );
  return () => standing;
}

describe('charter C5: ports that fail', () => {
  let clock: VirtualClock;
  let hooks: Set<string>;

  beforeEach(() => {
    clock = virtualClock();
    hooks = new Set();
    onHookError(({ hook, policy }) => hooks.add(`${hook} of ${policy}`));
  });
  afterEach(() => void onHookError(undefined));

  describe.each<[string, () => number]>([
    ['throws', broken],
    ['gives no number', () => Number.NaN],
  ])('a source of randomness that %s', (_how, random) => {
    it('keeps no call from its outcome, and no circuit from opening and closing again', async () => {
      const policy = circuitBreaker({
        clock,
        random,
        minimumCalls: 2,
        openForMs: 1000,
        openJitterRatio: 0.5,
        rampUpMs: 100,
      });
      for (let calls = 0; calls < 2; calls++) await expect(policy.execute(down)).rejects.toThrow('down');
      expect(policy.state).toBe('open');
      expect(policy.snapshot().remainingOpenMs).toBeGreaterThanOrEqual(500);
      expect(policy.snapshot().remainingOpenMs).toBeLessThan(1500);

      await clock.advance(1500);
      const calls = Array.from({ length: 20 }, () => watch(policy.execute(() => 'value')));
      await clock.advance(200);
      expect(calls.map((standing) => standing())).not.toContain('pending');
      await expect(policy.execute(() => 'value')).resolves.toBe('value');
      expect(hooks).toEqual(new Set(['random of circuit-breaker']));
    });

    it('keeps no value from a cache, which spreads its end all the same', async () => {
      const policy = cache({ clock, random, keyOf: () => 'key', ttlMs: 1000, expiryJitterRatio: 0.5 });

      await expect(policy.execute(() => 'value')).resolves.toBe('value');
      expect(policy.peek('key')).toMatchObject({ value: 'value', isFresh: true });
      await clock.advance(1500);
      expect(policy.peek('key')?.isFresh ?? false).toBe(false);
      expect(hooks).toEqual(new Set(['random of cache']));
    });

    it('keeps no retry from its tries', async () => {
      const call = watch(retry({ clock, random }).execute(down));
      await clock.runAll();

      expect(call()).toBe('Error: down');
      expect(hooks).toEqual(new Set(['random of retry']));
    });
  });

  const captures: [string, CaptureAsyncContext][] = [
    ['fails to capture', broken],
    ['fails to run', () => broken],
    ['does not run', () => () => undefined as never],
  ];

  describe.each(captures)('an async context that it %s', (_how, captureAsyncContext) => {
    it('blocks no queue of a bulkhead, and keeps no permit', async () => {
      const policy = bulkhead({ clock, captureAsyncContext, maxConcurrent: 1, maxQueued: 5 });
      let finish: (value: unknown) => void = () => {};
      const calls = [watch(policy.execute(() => new Promise((resolve) => (finish = resolve))))];
      const context = Context.withClock(clock).withCancel();
      calls.push(
        watch(policy.execute(() => 2)),
        watch(policy.execute(() => 3, context)),
        watch(policy.execute(() => 4)),
      );
      context.cancel('over');
      finish(1);
      await settle();

      expect(calls.map((standing) => standing())).toEqual([1, 2, 'over', 4]);
      await expect(policy.execute(() => 5)).resolves.toBe(5);
      expect(policy.snapshot()).toMatchObject({ running: 0, queued: 0 });
      expect(hooks).toEqual(new Set(['captureAsyncContext of bulkhead']));
    });

    it('blocks no queue of a rate limiter', async () => {
      const policy = rateLimiter({ clock, captureAsyncContext, maxPerInterval: 1, intervalMs: 10, maxQueued: 5 });
      const calls = [1, 2, 3].map((value) => watch(policy.execute(() => value)));
      await clock.advance(100);

      expect(calls.map((standing) => standing())).toEqual([1, 2, 3]);
      expect(policy.snapshot().queued).toBe(0);
      expect(hooks).toEqual(new Set(['captureAsyncContext of rate-limiter']));
    });

    it('keeps no fallback from its answer', async () => {
      const policy = fallback({ value: 'default', captureAsyncContext });

      await expect(policy.execute(down)).resolves.toBe('default');
      expect(hooks).toEqual(new Set(['captureAsyncContext of fallback']));
    });

    it('keeps no delayed call of chaos from going on, and update from letting all of them go', async () => {
      const injections = [{ kind: 'latency', latencyMs: 1000, callRatio: 1 }] as const;
      const policy = chaos({ clock, captureAsyncContext, enforcement: 'enforce', injections });
      const calls = [1, 2].map((value) => watch(policy.execute(() => value)));
      policy.update({ enforcement: 'off' });
      await settle();

      expect(calls.map((standing) => standing())).toEqual([1, 2]);
      expect(policy.snapshot().delayed).toBe(0);
      expect(hooks).toEqual(new Set(['captureAsyncContext of chaos']));
    });

    it('keeps no retry or hedge from its tries, and no bulkhead around them from its permit', async () => {
      const outside = bulkhead(1);
      const policies = [
        retry({ clock, captureAsyncContext }),
        hedge({ clock, captureAsyncContext, hedgeOnFailure: true, delayMs: 10 }),
      ];
      for (const policy of policies) {
        let runs = 0;
        const call = watch(
          pipeline(outside, policy).execute(async () => {
            if (++runs === 1) throw new Error('once');
            return 'value';
          }),
        );
        await clock.runAll();
        expect([call(), runs, outside.snapshot().running]).toEqual(['value', 2, 0]);
      }
      expect(hooks).toEqual(new Set(['captureAsyncContext of retry', 'captureAsyncContext of hedge']));
    });
  });
});
