/**
 * Place order: what it means to order something, whichever way the order comes in.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import type { Tracker } from '@holdfast/service';

import type { Order, PlacedOrder } from '../contract/order.ts';
import type { AuditTrail } from './audit-trail.ts';
import type { Inventory } from './inventory-client.ts';

/** What placing an order needs. */
export interface OrderPorts {
  readonly inventory: Inventory;
  readonly trail: AuditTrail;
  readonly tracker: Tracker;
}

/**
 * Places an order.
 *
 * @throws GrpcStatusError when the inventory cannot be reached, which is answered as such; CircuitOpenError while it is known not to be.
 * @throws the cause of the context when it ends first.
 */
export async function placeOrder(context: Context, order: Order, { inventory }: OrderPorts): Promise<PlacedOrder> {
  const { reserved, missing } = await inventory.reserve(context, order);
  return { ref: order.ref, reserved, missing };
}

/** Has the audit told of an order, after whoever asked has the answer. The request ends; this goes on, and a drain waits for it. */
export function recordLater(context: Context, order: PlacedOrder, { trail, tracker }: OrderPorts): void {
  tracker.go('audit', (own) => trail.record(own, order), { context });
}
