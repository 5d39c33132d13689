/**
 * Every policy once, on the platform's own clock: what a runtime must be able to do. It is given the library, so that the same
 * check runs on what was imported, required or bundled, in Node.js and in a browser. It uses nothing that only one of them has.
 *
 * @module
 */

import type * as core from '@holdfast/core';

/** The library under check. */
export type Core = typeof core;

/** Runs all checks, one after the other. Returns what went wrong, as sentences. */
export async function failuresOf(library: Core): Promise<string[]> {
  const failures: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(library);
    } catch (error) {
      failures.push(`${name}: ${String(error)}`);
    }
  }
  return failures;
}

/** What is checked, by the slug of the policy or the name of the part. */
export const checks: Readonly<Record<string, (library: Core) => unknown>> = {
  bulkhead: async ({ bulkhead }) => {
    const policy = bulkhead(1);
    const first = policy.execute(() => wait(1));
    equal(await codeOf(policy.execute(() => 1)), 'BULKHEAD_FULL');
    await first;
    equal(await policy.execute(() => 1), 1);
  },
  cache: async ({ cache }) => {
    const policy = cache({ keyOf: () => 'all', ttlMs: 60_000 });
    let runCount = 0;
    equal(await policy.execute(() => ++runCount), 1);
    equal(await policy.execute(() => ++runCount), 1);
  },
  chaos: async ({ chaos }) => {
    const policy = chaos({ injections: [{ kind: 'fault', callRatio: 1 }] });
    equal(await policy.execute(() => 1), 1);
    policy.update({ enforcement: 'enforce' });
    equal(await codeOf(policy.execute(() => 1)), 'CHAOS_INJECTED');
  },
  'circuit-breaker': async ({ circuitBreaker }) => {
    const policy = circuitBreaker({ minimumCalls: 1 });
    equal(await codeOf(policy.execute(fail)), 'BOOM');
    equal(policy.state, 'open');
    equal(await codeOf(policy.execute(() => 1)), 'CIRCUIT_OPEN');
  },
  coalesce: async ({ coalesce }) => {
    const policy = coalesce({ keyOf: () => 'all' });
    let runCount = 0;
    const calls = [1, 2, 3].map(() => policy.execute(async () => (await wait(1), ++runCount)));
    equal((await Promise.all(calls)).join(), '1,1,1');
  },
  fallback: async ({ fallback }) => equal(await fallback({ value: 'stale' }).execute(fail), 'stale'),
  hedge: async ({ hedge }) => {
    let runCount = 0;
    const slowThenQuick = (): Promise<unknown> | number => (++runCount === 1 ? new Promise(() => {}) : 2);
    equal(await hedge({ delayMs: 1 }).execute(slowThenQuick), 2);
  },
  keyed: async ({ bulkhead, keyed }) => {
    const policy = keyed({ keyOf: () => 'a', make: (_key, name) => bulkhead({ name, maxConcurrent: 1 }) });
    equal(await policy.execute(() => 1), 1);
    equal([...policy].length, 1);
  },
  noop: async ({ noop }) => equal(await noop().execute(() => 1), 1),
  'rate-limiter': async ({ rateLimiter }) => {
    const policy = rateLimiter({ maxPerInterval: 1, intervalMs: 60_000 });
    equal(await policy.execute(() => 1), 1);
    equal(await codeOf(policy.execute(() => 1)), 'RATE_LIMITED');
  },
  retry: async ({ retry }) => {
    let runCount = 0;
    const twice = (): number => (++runCount < 3 ? fail() : runCount);
    equal(await retry({ baseDelayMs: 1, maxDelayMs: 2 }).execute(twice), 3);
  },
  timeout: async ({ timeout }) => {
    let signal: AbortSignal | undefined;
    const hang = (context: { readonly signal: AbortSignal }): Promise<never> => {
      ({ signal } = context);
      return new Promise(() => {});
    };
    equal(await codeOf(timeout(5).execute(hang)), 'TIMEOUT');
    equal(signal?.aborted, true);
  },
  pipeline: async ({ Context, bulkhead, circuitBreaker, fallback, pipeline, retry, timeout }) => {
    const policy = pipeline(fallback({ value: 0 }), retry(), circuitBreaker(), bulkhead(), timeout(1000));
    equal(await policy.execute(() => 1, Context.background.withTimeout(1000)), 1);
    equal(await policy.wrap(async (x: number) => x + 1)(1), 2);
  },
  context: async ({ Context, contextKey, isTimeout, retry }) => {
    const key = contextKey<number>('key');
    const context = Context.background.withValue(key, 7).withTimeout(5);
    equal(context.value(key), 7);
    const outcome = retry().execute(() => new Promise(() => {}), context);
    equal(isTimeout(await outcome.catch((error: unknown) => error)), true);
    equal(context.signal.reason, context.cause);
    const controller = new AbortController();
    const child = Context.from(controller.signal).withCancel();
    const told: unknown[] = [];
    child.onCancel((cause) => told.push(cause));
    controller.abort('gone');
    equal(told.join(), 'gone');
  },
  'dispose of a context': ({ Context }) => {
    const context = Context.background.withCancel();
    const disposeSymbol = (Symbol as { dispose?: symbol }).dispose ?? Symbol.for('Symbol.dispose');
    (context as unknown as Record<symbol, () => void>)[disposeSymbol]?.();
    equal(context.cancelled, true);
  },
};

// --- internal ---

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function fail(): never {
  throw Object.assign(new Error('boom'), { code: 'BOOM' });
}

async function codeOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'it succeeded',
    (error: unknown) => (error as { code?: unknown }).code,
  );
}

function equal(actual: unknown, expected: unknown): void {
  if (!Object.is(actual, expected)) throw new Error(`expected ${String(expected)}, got ${String(actual)}`);
}
