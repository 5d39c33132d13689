/**
 * Request rate: how many requests are answered, by role, so that nobody who asks too often keeps others out.
 *
 * Invariants
 *  (1) Each role has a rate of its own, and so has whoever has no right token: guesses keep no operator out.
 *
 * @module
 */

import { type Clock, type RateLimiter, rateLimiter } from '@holdfast/core';
import type { Role } from '@holdfast/degradation';

import { Problem } from './api/problem.ts';

/** Counts a request. Throws a Problem where there are too many. */
export type RequestRate = (role: Role | undefined) => void;

/** Makes the rate: so many per second, and twice as many at once. */
export function requestRate(maxPerSecond: number, clock: Clock): RequestRate {
  const limiters = new Map<Role | undefined, RateLimiter>();
  return (role) => {
    const limiter = limiters.get(role) ?? limiterOf(maxPerSecond, clock);
    limiters.set(role, limiter); // (1)
    const { isGranted, retryAfterMs } = limiter.tryAcquire();
    if (isGranted) return;
    const seconds = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
    const detail = `there were more than ${maxPerSecond} requests a second`;
    throw new Problem(429, detail, { code: 'TOO_MANY_REQUESTS' }, { 'Retry-After': seconds });
  };
}

// --- internal ---

function limiterOf(maxPerSecond: number, clock: Clock): RateLimiter {
  return rateLimiter({ name: 'admin', maxPerInterval: maxPerSecond, maxBurst: 2 * maxPerSecond, clock });
}
