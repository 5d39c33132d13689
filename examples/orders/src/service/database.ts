/**
 * Database: a pool of connections as a part of a service, whose statements end with their context.
 *
 * @module
 */

import type { Context } from '@holdfast/core';
import type { Component } from '@holdfast/service';
import { type SqlPool, sqlPool } from '@holdfast/sql';
import { Pool } from 'pg';

/** A database. */
export interface Database {
  readonly sql: SqlPool;
  /** Connects, and disconnects at the end. */
  readonly component: Component;
  /** For the health of the service: whether it answers. */
  readonly check: (context: Context) => unknown;
}

/** How to reach a database. */
export interface DatabaseOptions {
  /** `postgres://user@host:5432/database` */
  readonly url: string;
  /** How the database knows us. */
  readonly name: string;
  readonly maxConnections: number;
}

/** Opens a database; it connects when its component starts. */
export function openDatabase({ url, name, maxConnections }: DatabaseOptions): Database {
  const pool = new Pool({ connectionString: url, max: maxConnections, application_name: name });
  pool.on('error', () => {}); // an idle connection is lost: whoever needs one gets another
  const sql = sqlPool(pool);
  const check = (context: Context): unknown => sql.read(context, 'select 1');
  return { sql, check, component: { name: 'database', start: check, close: () => pool.end() } };
}
