/**
 * Check-out: a client of the pool, for a caller that may have to leave before it gets one.
 *
 * Invariants
 *  (1) A caller whose context ends is told at once, and what it would have got goes back to the pool unused.
 *  (2) A context that has ended asks the pool for nothing.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { endOf, watchEnd } from './context-watch.ts';
import { Connection, type ConnectionPorts } from './connection.ts';
import type { CheckedOutClient, PgPool, PgPoolClient } from './pg-client.ts';

/**
 * Checks a client out.
 *
 * @throws the cause of the context, when that ends first.
 * @throws the pool's own error, unchanged.
 */
export async function checkOut(pool: PgPool, context: Context, ports: ConnectionPorts): Promise<Connection> {
  const { tally } = ports;
  const end = endOf([context]);
  if (end !== undefined) throw end.cause; // (2)

  tally.waiting += 1;
  try {
    return new Connection(await clientFor(pool, context), ports);
  } catch (error) {
    if (endOf([context]) !== undefined) tally.gaveUpWaiting += 1;
    throw error;
  } finally {
    tally.waiting -= 1;
  }
}

// --- internal ---

function clientFor(pool: PgPool, context: Context): Promise<CheckedOutClient> {
  return new Promise((resolve, reject) => {
    let hasLeft = false;
    const stop = watchEnd([context], ({ cause }) => {
      hasLeft = true;
      reject(cause);
    });
    const take = (client: PgPoolClient): void => {
      stop();
      if (hasLeft) client.release(); // (1)
      else resolve(client as PgPoolClient & CheckedOutClient);
    };
    pool.connect().then(take, (error: unknown) => {
      stop();
      reject(error);
    });
  });
}
