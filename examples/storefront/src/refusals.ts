/**
 * Refusals: how many calls per second each dependency's guard refuses, heard from the policies' events.
 *
 * @module
 */

import type { Events } from '@holdfast/core';

import { type Endpoint, endpoints } from './downstream.ts';
import { recentCount } from './recent.ts';

/** Calls refused lately. */
export interface Refusals {
  perSecond(endpoint: Endpoint, nowMs: number): number;
  /** Stops listening. */
  close(): void;
}

/** Listens to the refusals of circuits and bulkheads that are named after an endpoint. */
export function watchRefusals(events: Events): Refusals {
  const counts = new Map<string, ReturnType<typeof recentCount>>(endpoints.map((name) => [name, recentCount()]));
  const stop = events.listen(({ type, name }) => {
    if (type === 'circuit-breaker.rejected' || type === 'bulkhead.rejected') counts.get(name)?.add(performance.now());
  });
  return { perSecond: (endpoint, nowMs) => counts.get(endpoint)?.perSecond(nowMs) ?? 0, close: stop };
}
