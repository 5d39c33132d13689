import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool, serverError } from '../../../test/sql/fake-pool.ts';
import { sqlPool } from './sql-pool.ts';

function make() {
  const clock = virtualClock();
  const pool = new FakePool();
  const context = Context.withClock(clock).withCancel();
  return { clock, pool, client: pool.client, context, database: sqlPool(pool, { clock }) };
}

const done = { rows: [{ n: 1 }] };

describe('a statement whose context ends', () => {
  it('statement-run (1): tells the cause when the server has stopped it', async () => {
    const { client, context, database } = make();

    const asked = database.query(context, 'update');
    await settle();
    context.cancel('left');
    client.fail(serverError('57014'));

    await expect(asked).rejects.toBe('left');
  });

  it('statement-run (1): tells what it came to when the cancel came too late', async () => {
    const { client, context, database } = make();

    const asked = database.query(context, 'update');
    await settle();
    context.cancel('left');
    client.answer('UPDATE', done.rows);

    await expect(asked).resolves.toMatchObject(done);
  });

  it('statement-run (1): tells that nobody knows when the connection broke', async () => {
    const { client, context, database } = make();

    const asked = database.query(context, 'update');
    await settle();
    context.cancel('left');
    client.breakDown(new Error('reset'));

    await expect(asked).rejects.toMatchObject({ code: 'STATEMENT_OUTCOME_UNKNOWN', cause: 'left' });
  });

  it('statement-run (1): is told by the server’s own limit of time before its context has noticed', async () => {
    const { clock, client, database } = make();
    const deaf = Context.withClock(clock).withTimeout(50, 'over');

    const asked = database.query(deaf, 'update');
    await settle();
    clock.now = () => 50; // time has passed, and no timer has fired yet
    client.fail(serverError('57014'));

    await expect(asked).rejects.toBe('over');
  });

  it('statement-run (2): keeps its connection until no request is under way, though it has long been answered', async () => {
    const { pool, client, context, database } = make();

    const asked = database.query(context, 'update');
    await settle();
    context.cancel('left');
    client.answer('UPDATE');
    await asked;
    await settle();
    expect([client.isOut, client.sent]).toEqual([true, ['update']]);
    pool.requests[0]?.close();
    await settle();
    client.answer('');
    await settle();

    expect(client.releases).toEqual([undefined]);
  });

  it('statement-run (2): destroys a connection on which a request is still under way after the grace', async () => {
    const { clock, pool, client, context, database } = make();

    const asked = database.query(context, 'update');
    await settle();
    context.cancel('left');
    client.answer('UPDATE');
    await asked;
    await clock.advance(2000);

    expect(client.releases).toEqual([expect.objectContaining({ code: 'CONNECTION_DROPPED' })]);
    expect(pool.requests[0]?.isDestroyed).toBe(true);
  });

  it('statement-run (2): destroys a connection that cannot be told to stop', async () => {
    const { clock, pool, client, context, database } = make();
    client.processID = undefined;

    const asked = database.read(context, 'select');
    await settle();
    context.cancel('left');
    await expect(asked).rejects.toBe('left');
    await clock.advance(2000);

    expect([pool.requests, database.counts().cancelRequests, database.counts().dropped]).toEqual([[], 0, 1]);
    expect(client.releases).toHaveLength(1);
  });
});

describe('a statement that fails', () => {
  it.each(['23505', '57014', '40001'])('statement-run (3): by %s rejects with the server’s error', async (state) => {
    const { client, context, database } = make();
    const error = serverError(state);

    const asked = database.query(context, 'update');
    await settle();
    client.fail(error);

    await expect(asked).rejects.toBe(error);
    await settle();
    expect(client.releases).toEqual([undefined]);
  });

  it('statement-run (3): for a reason of its own rejects with that, although its context has ended', async () => {
    const { client, context, database } = make();
    const error = serverError('23505');

    const asked = database.query(context, 'update');
    await settle();
    context.cancel('left');
    client.fail(error);

    await expect(asked).rejects.toBe(error);
  });

  it('statement-run (1): before it was sent, is not unknown', async () => {
    const { client, context, database } = make();
    const error = new TypeError('a value cannot be converted');
    client.query = () => {
      throw error;
    };

    await expect(database.query(context, 'update')).rejects.toBe(error);
  });

  it.each([
    ['query', { code: 'STATEMENT_OUTCOME_UNKNOWN', cause: { code: '57P01' } }],
    ['read', { code: '57P01' }],
  ] as const)('statement-run (1): with its connection: %s', async (how, expected) => {
    const { client, context, database } = make();

    const asked = database[how](context, 'statement');
    await settle();
    client.fail(serverError('57P01', 'FATAL'));

    await expect(asked).rejects.toMatchObject(expected);
    await settle();
    expect(client.releases).toEqual([expect.objectContaining({ code: '57P01' })]);
  });

  it('statement-run (1): by a limit of node-postgres, which lets the server run on, is unknown and stopped', async () => {
    const { pool, client, context, database } = make();

    const asked = database.query(context, 'update');
    await settle();
    client.fail(new Error('Query read timeout'));

    await expect(asked).rejects.toMatchObject({ code: 'STATEMENT_OUTCOME_UNKNOWN' });
    expect(client.releases).toHaveLength(1);
    expect(pool.requests.map(({ asked: key }) => key)).toEqual([[7, 42]]);
  });
});
