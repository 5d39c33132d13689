/**
 * Hold request: an operator's wish as a node asks for it.
 *
 * @module
 */

import type { FleetNode } from './fleet-node.ts';
import type { HoldRequest, Sender } from './ledger.ts';

/** What an operator wants, without what the node adds. */
export type OperatorWish = Omit<HoldRequest, keyof Sender | 'basis'>;

/** Makes the request of a wish: with the ticket that the node has, and based on what it knows. */
export function holdRequest(node: FleetNode, wish: OperatorWish, now: number): HoldRequest {
  const { settings, sync, fleetSize } = node;
  const sender = { node: settings.node, incarnation: sync.incarnation, ticketUs: sync.ticket(now) ?? 0, fleetSize };
  return { ...wish, ...sender, basis: node.find(wish.id)?.known.epoch ?? 0 };
}
