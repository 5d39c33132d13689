/**
 * Limiter events: what a rate limiter of a fleet tells whoever listens.
 *
 * @module
 */

import { type Events, type RateLimiterRejectedEvent, tellEvent } from '@holdfast/core';

import type { SupplyMode } from './token-supply.ts';

/** Where a node's tokens come from has changed: the store answered again, or does not answer. */
export interface RateLimiterModeChangedEvent {
  readonly type: 'rate-limiter.mode-changed';
  readonly policy: 'rate-limiter';
  readonly name: string;
  readonly from: SupplyMode;
  readonly to: SupplyMode;
  /** Why the store is taken for gone; undefined where it answered, or there is no connection. */
  readonly error: unknown;
}

/** The store was found to go by another rate: nodes are configured differently. */
export interface RateLimiterDisagreedEvent {
  readonly type: 'rate-limiter.disagreed';
  readonly policy: 'rate-limiter';
  readonly name: string;
  /** The rate of this node, which the store goes by from now on, until another one says otherwise. */
  readonly maxPerInterval: number;
  readonly intervalMs: number;
  readonly maxBurst: number;
}

/** Who tells, and where. */
interface Teller {
  readonly name: string;
  readonly events: Events | undefined;
}

/** Tells that a call was refused, or would have been. */
export function tellRejected(teller: Teller, enforcement: 'enforce' | 'observe', retryAfterMs: number): void {
  const { name, events } = teller;
  const type = 'rate-limiter.rejected';
  tellEvent(events, name, (): RateLimiterRejectedEvent => ({
    type,
    policy: 'rate-limiter',
    name,
    enforcement,
    retryAfterMs,
  }));
}

/** Tells where tokens come from now. */
export function tellMode(
  teller: Teller,
  change: { readonly before: SupplyMode; readonly mode: SupplyMode; readonly error: unknown },
): void {
  const { name, events } = teller;
  const { before: from, mode: to, error } = change;
  const type = 'rate-limiter.mode-changed';
  tellEvent(events, name, (): RateLimiterModeChangedEvent => ({ type, policy: 'rate-limiter', name, from, to, error }));
}

/** Tells that the nodes of the fleet go by different rates. */
export function tellDisagreement(
  teller: Teller,
  rate: Pick<RateLimiterDisagreedEvent, 'maxPerInterval' | 'intervalMs' | 'maxBurst'>,
): void {
  const { name, events } = teller;
  const { maxPerInterval, intervalMs, maxBurst } = rate;
  const told = { maxPerInterval, intervalMs, maxBurst };
  const type = 'rate-limiter.disagreed';
  tellEvent(events, name, (): RateLimiterDisagreedEvent => ({ type, policy: 'rate-limiter', name, ...told }));
}
