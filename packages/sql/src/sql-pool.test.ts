import { getEventListeners } from 'node:events';

import { Context, isTimeout } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool, serverError } from '../../../test/sql/fake-pool.ts';
import { type SqlPoolOptions, sqlPool, sqlPoolDefaults } from './sql-pool.ts';

function make(options: SqlPoolOptions = {}) {
  const clock = virtualClock();
  const pool = new FakePool();
  const database = sqlPool(pool, { clock, ...options });
  return { clock, pool, client: pool.client, database, root: Context.withClock(clock) };
}

/** How a promise stands: what it came to, or `pending`. */
async function standing(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise.catch((error: unknown) => error), settle().then(() => 'pending')]);
}

describe('sqlPool', () => {
  it('has defaults that can be seen, and refuses what it cannot use', () => {
    const pool = new FakePool() as never;

    expect(sqlPoolDefaults).toMatchObject({
      cancelGraceMs: 2000,
      commitTimeoutMs: 10_000,
      statementTimeout: 'remaining',
    });
    expect(() => sqlPool({} as never)).toThrow('sqlPool.pool must be a Pool of node-postgres, got an object');
    expect(() => sqlPool(undefined as never)).toThrow('sqlPool.pool must be a Pool of node-postgres, got undefined');
    for (const cancelGraceMs of [0, 9, NaN, Infinity])
      expect(() => sqlPool(pool, { cancelGraceMs })).toThrow('cancelGraceMs must be a number from 10 to 600000');
    expect(() => sqlPool(pool, { commitTimeoutMs: 0 })).toThrow('commitTimeoutMs must be');
    expect(() => sqlPool(pool, { statementTimeout: 'on' as never })).toThrow('statementTimeout must be one of');
    expect(() => sqlPool(pool, { timeout: 1 } as never)).toThrow('sqlPool has no option "timeout"');
  });

  it('refuses to be used without a context, a statement or a work, and asks the pool for nothing', async () => {
    const { database, client, root } = make();

    await expect(database.query('select 1' as never, [] as never)).rejects.toThrow('query needs a Context');
    await expect(database.read(undefined as never, 'select 1')).rejects.toThrow('read needs a Context');
    await expect(database.query(root, undefined as never)).rejects.toThrow('a statement is a string');
    await expect(database.query(root, 'select $1', 1 as never)).rejects.toThrow('come in an array');
    await expect(database.transaction(root, 'work' as never)).rejects.toThrow('needs a function as its work');
    await expect(database.transaction(root, () => 1, { isolation: 'chaos' as never })).rejects.toThrow('isolation');
    expect([client.sent, client.releases]).toEqual([[], []]);
  });

  it('sql-pool (1): gives a client back after its statement, at rest', async () => {
    const { database, client, root } = make();

    const asked = database.query(root, 'select 1');
    await settle();
    expect(client.isOut).toBe(true);
    client.answer('SELECT', [{ n: 1 }]);

    expect(await asked).toMatchObject({ rows: [{ n: 1 }] });
    await settle();
    expect([client.releases, client.sent, client.listenerCount]).toEqual([[undefined], ['select 1'], 0]);
    expect(database.counts()).toMatchObject({ checkedOut: 0, stopped: 0 });
  });

  it('sql-pool (1): brings a client that was left in a transaction out of it first', async () => {
    const { database, client, root } = make();

    const asked = database.query(root, 'begin');
    await settle();
    client.status = 'T';
    client.answer('BEGIN');
    await asked;
    await settle();
    expect(client.sent).toEqual(['begin', 'ROLLBACK']);
    expect(client.isOut).toBe(true);
    client.answer('ROLLBACK');
    await settle();

    expect(client.releases).toEqual([undefined]);
  });

  it('charter A3, B1: leaves no listener on a context that lives long, and no timer, however it went', async () => {
    const controller = new AbortController();
    const { database, client, clock } = make();
    const context = Context.withClock(clock).withSignal(controller.signal);
    const query = client.query.bind(client);
    client.automatic = () => true;
    const refuse: typeof query = (_statement, answer) => answer(serverError('23505'));

    for (let round = 0; round < 1000; round++) {
      await database.query(context, 'select 1');
      await database.transaction(context, (transaction) =>
        transaction.savepoint(transaction.context.withCancel(), (savepoint) => savepoint.query('insert')),
      );
      await database.transaction(context, () => Promise.reject(new Error('mine'))).catch(() => {});
      await database.under(context).query('select 1');
      client.query = refuse;
      await database.read(context, 'select 1').catch(() => {});
      client.query = query;
    }
    await settle();

    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect([clock.pendingCount, client.listenerCount, database.counts().checkedOut]).toEqual([0, 0, 0]);
  });

  it('sql-pool (2): rejects at once where there is no effect, and keeps the client until it is at rest', async () => {
    const { database, client, pool, root } = make();
    const context = root.withCancel();

    const asked = database.read(context, 'select slow');
    await settle();
    context.cancel('left');

    expect(await standing(asked)).toBe('left');
    expect(client.isOut).toBe(true);
    expect(pool.requests.map(({ asked: key }) => key)).toEqual([[7, 42]]);
    client.fail(serverError('57014'));
    pool.requests[0]?.close();
    await settle();
    expect([client.isOut, client.sent]).toEqual([true, ['select slow', '']]); // it has to answer once more
    client.answer('');
    await settle();
    expect([client.isOut, client.releases]).toEqual([false, [undefined]]);
  });

  it('sql-pool (2): waits for the word on an effect, at most for the grace', async () => {
    const { database, client, pool, clock, root } = make({ cancelGraceMs: 500 });

    const asked = database.query(root.withTimeout(100), 'update slow');
    await clock.advance(100);
    expect(await standing(asked)).toBe('pending');
    pool.requests[0]?.close();
    await clock.advance(499);
    expect(await standing(asked)).toBe('pending');
    await clock.advance(1);

    const error = (await standing(asked)) as { code: string; cause: unknown };
    expect([error.code, isTimeout(error.cause)]).toEqual(['STATEMENT_OUTCOME_UNKNOWN', true]);
    expect(client.releases).toEqual([expect.objectContaining({ code: 'CONNECTION_DROPPED' })]);
    expect(database.counts()).toMatchObject({ checkedOut: 0, stopped: 1, dropped: 1 });
  });
});
