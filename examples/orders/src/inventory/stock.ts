/**
 * Stock: what there is, in PostgreSQL. All that is done for an order is one transaction, and each of its lines a savepoint:
 * what there is not enough of is undone alone.
 *
 *   BEGIN ─► SAVEPOINT ─► note, find, take ─► RELEASE ──► next line ... ─► COMMIT
 *                              └─ not enough ─► ROLLBACK TO ─┘
 *              the context ends, anywhere before COMMIT ─► the statement is stopped, all is rolled back
 *
 * Invariants
 *  (1) Nothing is taken twice for one order, however often it is asked.
 *  (2) What is taken and what is put aside are equal, whatever fails.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import type { SqlPool } from '@holdfast/sql';

import { type TellHop, asHop } from '../contract/hop.ts';
import type { ReserveReply, ReserveRequest } from '../contract/inventory-contract.ts';
import { originOf } from '../contract/order-context.ts';
import type { OrderLine } from '../contract/order.ts';

/** What there is. */
export interface Stock {
  reserve(context: Context, request: ReserveRequest): Promise<ReserveReply>;
}

/** The tables. `find_seconds` is how long it takes to find a thing on its shelf. */
export const stockTables = `
  create table stock (sku text primary key, available integer not null check (available >= 0),
                      find_seconds double precision not null default 0);
  create table reservation (order_ref text, sku text references stock, quantity integer not null,
                            user_id text not null, region text not null, trace_id text not null,
                            primary key (order_ref, sku));
`;

/** Creates the stock in a database. */
export function createStock(database: SqlPool, tell: TellHop): Stock {
  return {
    reserve: (context, request) =>
      asHop({ layer: 'sql', orderRef: request.orderRef, tell }, context, () => reserve(database, context, request)),
  };
}

// --- internal ---

/** There is not enough of it. Undoes its savepoint. */
class NotEnoughError extends Error {
  override readonly name = 'NotEnoughError';
}

type Transaction = Parameters<Parameters<SqlPool['transaction']>[1]>[0];

function reserve(database: SqlPool, context: Context, { orderRef, lines }: ReserveRequest): Promise<ReserveReply> {
  const { traceId } = originOf(context);
  return database.transaction(
    context,
    async (transaction) => {
      const reserved: string[] = [];
      const missing: string[] = [];
      for (const line of inOrder(lines)) {
        const isThere = await reserveLine(transaction, orderRef, line);
        (isThere ? reserved : missing).push(line.sku);
      }
      return { reserved, missing };
    },
    { settings: { application_name: `inventory ${traceId}` } }, // whose it is, for whoever looks at pg_stat_activity
  );
}

/** Rows are locked in one order for all, so that no two orders wait for each other. */
function inOrder(lines: readonly OrderLine[]): readonly OrderLine[] {
  return lines.toSorted((one, other) => (one.sku < other.sku ? -1 : 1));
}

async function reserveLine(transaction: Transaction, orderRef: string, line: OrderLine): Promise<boolean> {
  try {
    await transaction.savepoint(transaction.context, async (savepoint) => {
      if (await note(savepoint, orderRef, line)) await take(savepoint, line);
    });
    return true;
  } catch (error) {
    if (error instanceof NotEnoughError) return false;
    throw error;
  }
}

/** Puts a line aside. Returns false where that was done before, in an earlier try of the same order: (1). */
async function note(savepoint: Transaction, orderRef: string, { sku, quantity }: OrderLine): Promise<boolean> {
  const { traceId, user, region } = originOf(savepoint.context);
  const { rowCount } = await savepoint.query(
    `insert into reservation (order_ref, sku, quantity, user_id, region, trace_id)
     select $1, sku, $3, $4, $5, $6 from stock where sku = $2 on conflict do nothing`,
    [orderRef, sku, quantity, user, region, traceId],
  );
  if (rowCount === 1) return true;
  const { rowCount: before } = await savepoint.query('select 1 from reservation where order_ref = $1 and sku = $2', [
    orderRef,
    sku,
  ]);
  if (before === 0) throw new NotEnoughError(sku); // there is no such thing
  return false;
}

async function take(savepoint: Transaction, { sku, quantity }: OrderLine): Promise<void> {
  await savepoint.query('select pg_sleep(find_seconds) from stock where sku = $1 and find_seconds > 0', [sku]);
  const { rowCount } = await savepoint.query(
    'update stock set available = available - $2 where sku = $1 and available >= $2',
    [sku, quantity],
  );
  if (rowCount === 0) throw new NotEnoughError(sku); // (2)
}
