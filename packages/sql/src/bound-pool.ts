/**
 * Bound pool: a pool for a query builder, with the shape of node-postgres' own. All that goes through it lives under a context:
 * one, or the one of the moment.
 *
 * @module
 */

import { Context, isContext } from '@holdfast/core';

import { type BoundClient, boundClient, isSubmittable, refuseCallback } from './bound-client.ts';
import type { Connection } from './connection.ts';
import type { SqlResult, SqlStatement } from './pg-client.ts';

/** A context, or what returns the one of the moment: that of the ambient context, say. Undefined stands for none. */
export type ContextSource = Context | (() => Context | undefined);

/** A pool of clients that end what they do with the context. It has the shape of node-postgres' pool. */
export interface BoundPool {
  connect(): Promise<BoundClient>;
  /** Runs one statement on a client of its own: a text or an object, and values. No cursor or stream, which outlasts the call. */
  query(statement: string | SqlStatement, values?: readonly unknown[]): Promise<SqlResult>;
  /** Does nothing: the pool behind it is not its own. */
  end(): Promise<void>;
}

/** What a bound pool needs of the pool behind it. */
export interface PoolBehind {
  readonly commitTimeoutMs: number;
  checkOut(context: Context): Promise<Connection>;
}

/** Returns a pool under a context. */
export function boundPool(behind: PoolBehind, source: ContextSource): BoundPool {
  const contextNow = typeof source === 'function' ? () => contextOf(source) : () => source;
  return new PoolUnderContext(behind, contextNow);
}

// --- internal ---

function contextOf(source: () => Context | undefined): Context {
  const context: unknown = source() ?? Context.background;
  if (isContext(context)) return context;
  throw new TypeError('the function given to under() returns a context or undefined, and no promise');
}

class PoolUnderContext implements BoundPool {
  readonly #behind: PoolBehind;
  readonly #contextNow: () => Context;

  constructor(behind: PoolBehind, contextNow: () => Context) {
    this.#behind = behind;
    this.#contextNow = contextNow;
  }

  async connect(...callbacks: readonly unknown[]): Promise<BoundClient> {
    refuseCallback(callbacks);
    const context = this.#contextNow();
    const { commitTimeoutMs } = this.#behind;
    const connection = await this.#behind.checkOut(context);
    return boundClient(connection, context, { commitTimeoutMs, contextNow: this.#contextNow });
  }

  async query(statement: string | SqlStatement, values?: readonly unknown[], ...rest: unknown[]): Promise<SqlResult> {
    refuseCallback([values, ...rest]);
    if (isSubmittable(statement)) throw new TypeError('a cursor or stream needs a client: connect() gives one');
    const client = await this.connect();
    try {
      return await client.query(statement, values);
    } finally {
      client.release();
    }
  }

  async end(): Promise<void> {}
}

/** Drizzle knows a pool by the name of its class, which a minifier would take away. */
Object.defineProperty(PoolUnderContext, 'name', { value: 'BoundPool' });
