/**
 * Deferred orders: orders that were accepted while payments were out of order, or switched to it, to be paid when they work.
 *
 * They wait in the memory of this process. A shop that must not lose them hands `redisOutbox` to the same `createDeferral`.
 *
 * @module
 */

import type { Context, Events, Policy } from '@holdfast/core';
import { type Deferral, type Outbox, createDeferral, memoryOutbox } from '@holdfast/degradation';

import type { Dependencies } from './dependencies.ts';
import type { Order } from './goods.ts';

/** What {@link createDeferredOrders} needs. */
export interface DeferredOrderParts {
  readonly dependencies: Dependencies;
  /** The chain for payments that nobody waits for. */
  readonly settlement: Policy;
  /** Whether orders are being deferred, or would be: nothing is paid meanwhile. */
  readonly isDeferred: () => boolean;
  readonly events: Events;
}

/** Orders to be paid later. */
export interface DeferredOrders {
  /** Where they wait. */
  readonly outbox: Outbox<Order>;
  /** Accepts an order. Rejects with OutboxFullError when there is no room. */
  defer(order: Order, context: Context): Promise<void>;
  readonly pendingCount: number;
  /** Orders that were deferred and have been paid since. */
  readonly settledCount: number;
  /** Ends payments, after the one under way. What is pending stays so. */
  close(): Promise<void>;
}

/** Creates a place for them. */
export function createDeferredOrders({
  dependencies,
  settlement,
  isDeferred,
  events,
}: DeferredOrderParts): DeferredOrders {
  const counts = { kept: 0, settled: 0 };
  const stop = events.listen(({ type }) => {
    if (type === 'deferral.kept') counts.kept++;
    if (type === 'deferral.delivered') counts.settled++;
  });
  const outbox = memoryOutbox<Order>({ maxItems: MAX_PENDING });
  const deferral: Deferral<Order> = createDeferral<Order>({
    outbox,
    keyOf: ({ id }) => id, // the payment service takes the money at most once per id
    deliver: (order, context) => settlement.execute((own) => dependencies.pay(order, own), context),
    isDeferred,
    maxPerSecond: 50,
    lookEveryMs: 100,
    maxPauseMs: 1000,
    maxAttempts: 1000, // an order is never given up while the story lasts
    events,
  });
  return {
    outbox,
    defer: async (order, context) => void (await deferral.defer(order, context)),
    get pendingCount() {
      return counts.kept - counts.settled;
    },
    get settledCount() {
      return counts.settled;
    },
    async close() {
      await deferral.close();
      stop();
    },
  };
}

// --- internal ---

const MAX_PENDING = 1000;
