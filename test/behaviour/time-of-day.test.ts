import {
  bulkhead,
  cache,
  circuitBreaker,
  fallback,
  hedge,
  pipeline,
  rateLimiter,
  retry,
  timeout,
} from '@holdfast/core';
import { afterEach, describe, expect, it, vi } from 'vitest';

describe('the time of day', () => {
  afterEach(() => void vi.unstubAllGlobals());

  it('charter N3: is never asked for, so that a clock that is set changes nothing', async () => {
    vi.stubGlobal(
      'Date',
      new Proxy(Date, {
        construct: () => expect.fail('nobody may make a Date'),
        get: (_date, property) => expect.fail(`nobody may ask for Date.${String(property)}`),
      }),
    );
    let calls = 0;
    const policy = pipeline(
      fallback({ value: 'none' }),
      cache({ keyOf: () => `key ${calls % 5}`, ttlMs: 1 }),
      retry({ maxAttempts: 2, baseDelayMs: 0 }),
      circuitBreaker({ minimumCalls: 1, window: { kind: 'time', durationMs: 50 }, slowCallMs: 50, openForMs: 1 }),
      rateLimiter({ maxPerInterval: 1000, maxQueued: 5 }),
      hedge({ delayMs: 1 }),
      bulkhead({ maxConcurrent: 2, maxQueued: 5 }),
      timeout(5),
    );
    const operation = (): Promise<string> => {
      calls++;
      if (calls === 1) return Promise.resolve('value');
      return calls % 3 === 2 ? new Promise<string>(() => {}) : Promise.reject(new Error('down'));
    };
    const answers = new Set<string>();
    for (let call = 0; call < 12; call++) {
      answers.add(await policy.execute(operation));
      await new Promise((resolve) => setTimeout(resolve, 3)); // the circuit is open for a while: on a quick machine, for all calls
    }

    expect([...answers].toSorted()).toEqual(['none', 'value']);
    expect(calls).toBeGreaterThan(3);
  });
});
