/**
 * Naive breaker: the shared breaker that everybody writes first. It asks the server before each call, and tells it after.
 *
 * @module
 */

import type { CircuitBreaker, Operation } from '@holdfast/core';
import { Context } from '@holdfast/core';
import type { Redis } from 'ioredis';

/** Makes a breaker that reads its state from the server, and counts there. */
export function naiveBreaker(redis: Redis): Pick<CircuitBreaker, 'execute'> {
  return {
    async execute<T>(operation: Operation<T>): Promise<T> {
      const state = await redis.get('naive:state');
      if (state === 'open') throw new Error('open');
      try {
        const value = await operation(Context.background);
        await redis.incr('naive:successes');
        return value;
      } catch (error) {
        if ((await redis.incr('naive:failures')) > FAILURES) await redis.set('naive:state', 'open', 'PX', OPEN_MS);
        throw error;
      }
    },
  };
}

// --- internal ---

const [FAILURES, OPEN_MS] = [20, 30_000];
