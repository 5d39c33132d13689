/**
 * Audit log: who ordered what, in PostgreSQL. The order's reference is the key: a message that comes twice is written once, and
 * counted.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import type { SqlPool } from '@holdfast/sql';

import { originOf } from '../contract/order-context.ts';
import type { PlacedOrder } from '../contract/order.ts';

/** The table. */
export const auditTables = `
  create table audit (order_ref text primary key, reserved text[] not null,
                      user_id text not null, region text not null, trace_id text not null,
                      deliveries integer not null default 1);
`;

/** Writes down an order, for whoever is in the context. */
export async function writeAudit(database: SqlPool, context: Context, order: PlacedOrder): Promise<void> {
  const { user, region, traceId } = originOf(context);
  await database.query(
    context,
    `insert into audit (order_ref, reserved, user_id, region, trace_id) values ($1, $2, $3, $4, $5)
     on conflict (order_ref) do update set deliveries = audit.deliveries + 1`,
    [order.ref, order.reserved, user, region, traceId],
  );
}
