/**
 * What the types of the pool promise: the pools of node-postgres fit, a context is never left out, rows have the type asked for.
 *
 * @module
 */

import { Context } from '@holdfast/core';
import { Pool } from 'pg';
import { expectTypeOf } from 'vitest';

import type { SqlResult } from './pg-client.ts';
import { sqlPool } from './sql-pool.ts';
import type { SqlTransaction } from './transaction-scope.ts';

const context = Context.background;
const database = sqlPool(new Pool());
sqlPool(new Pool(), { cancelGraceMs: 100, commitTimeoutMs: 1000, statementTimeout: 'off' });

// rows have the type asked for
const asked = database.query<{ readonly id: number }>(context, 'select id from note');
expectTypeOf(asked).toEqualTypeOf<Promise<SqlResult<{ readonly id: number }>>>();
void database.read(context, { text: 'select $1', values: [1], name: 'one', rowMode: 'array' });

// a transaction is what its work makes of it
const played = database.transaction(context, async (transaction) => {
  expectTypeOf(transaction).toEqualTypeOf<SqlTransaction>();
  return transaction.savepoint(transaction.context, () => 7);
});
expectTypeOf(played).toEqualTypeOf<Promise<number>>();
const plain = database.transaction(context, () => 'done', { isolation: 'serializable', readOnly: true });
expectTypeOf(plain).toEqualTypeOf<Promise<string>>();

// pools under a context, or the one of the moment
void database.under(context).connect();
void database.under(() => undefined).query('select 1');

// @ts-expect-error -- the context is left out
void database.query('select 1');
// @ts-expect-error -- the context comes first
void database.read('select 1', context);
// @ts-expect-error -- values come in an array
void database.query(context, 'select $1', 1);
// @ts-expect-error -- a level that PostgreSQL does not have
void database.transaction(context, () => 1, { isolation: 'read uncommitted' });
// @ts-expect-error -- a setting is a string
void database.transaction(context, () => 1, { settings: { work_mem: 4 } });
// @ts-expect-error -- no pool
sqlPool({});
// @ts-expect-error -- an option that does not exist
sqlPool(new Pool(), { timeoutMs: 1 });
