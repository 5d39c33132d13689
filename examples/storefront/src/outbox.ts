/**
 * Outbox: orders that were accepted while payments were out of order, to be paid when they work again.
 *
 *   add ─► pending ── paid ─► settled
 *            ▲  └──── any error: next round
 *            └──────────────────┘
 *
 * Invariants
 *  (1) At most `MAX_PENDING` orders wait; one more is refused, and the shopper is told.
 *  (2) An order leaves only when it has been paid; repeating it is safe, since its id makes it one payment.
 *  (3) One order is sent at a time, through the circuit breaker of the payments: while it is open, nothing is sent.
 *
 * @module
 */

import type { Policy } from '@holdfast/core';

import type { Dependencies } from './dependencies.ts';
import type { Order } from './goods.ts';

/** Orders to be paid later. */
export interface Outbox {
  /** Takes an order. Returns false when there is no room. */
  add(order: Order): boolean;
  readonly pendingCount: number;
  /** Orders that were deferred and have been paid since. */
  readonly settledCount: number;
  /** Ends the rounds, after a last one. What is pending stays so. */
  close(): Promise<void>;
}

/** Creates an outbox that starts a round every `ROUND_MS`. */
export function createOutbox(dependencies: Dependencies, settlement: Policy): Outbox {
  const pending: Order[] = [];
  let settledCount = 0;
  let round: Promise<void> | undefined;

  const settleAll = async (): Promise<void> => {
    for (let next = pending[0]; next !== undefined; next = pending[0]) {
      const order = next;
      try {
        await settlement.execute((context) => dependencies.pay(order, context)); // (3)
      } catch {
        return; // (2)
      }
      pending.shift();
      settledCount++;
    }
  };
  const startRound = (): Promise<void> => {
    round ??= settleAll().finally(() => (round = undefined));
    return round;
  };
  const timer = setInterval(() => void startRound(), ROUND_MS);

  return {
    add: (order) => pending.length < MAX_PENDING && pending.push(order) > 0, // (1)
    get pendingCount() {
      return pending.length;
    },
    get settledCount() {
      return settledCount;
    },
    async close() {
      clearInterval(timer);
      await startRound();
    },
  };
}

// --- internal ---

const MAX_PENDING = 1000;
const ROUND_MS = 200;
