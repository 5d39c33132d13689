import { Context } from '@holdfast/core';
import { settle } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool } from '../../../test/sql/fake-pool.ts';
import { sqlPool } from './sql-pool.ts';

describe('check-out', () => {
  it('check-out (1), charter G5: tells a caller whose context ends at once, and gives back what comes for it', async () => {
    const pool = new FakePool();
    const database = sqlPool(pool);
    const context = Context.background.withCancel();
    pool.isExhausted = true;

    const asked = database.query(context, 'select 1');
    await settle();
    expect(database.counts()).toMatchObject({ waiting: 1, checkedOut: 0 });
    context.cancel('left');
    await expect(asked).rejects.toBe('left');
    expect(database.counts()).toMatchObject({ waiting: 0, gaveUpWaiting: 1 });
    pool.serve();
    await settle();

    expect([pool.client.sent, pool.client.releases, pool.client.isOut]).toEqual([[], [undefined], false]);
  });

  it('check-out (2): asks for nothing when the context has ended', async () => {
    const pool = new FakePool();

    await expect(sqlPool(pool).read(Context.background.withTimeout(0, 'over'), 'select 1')).rejects.toBe('over');
    expect(pool.client.releases).toEqual([]);
  });

  it('passes the pool’s own error on, by identity', async () => {
    const pool = new FakePool();
    const refused = new Error('ECONNREFUSED');
    pool.connect = () => Promise.reject(refused);
    const database = sqlPool(pool);

    await expect(database.query(Context.background, 'select 1')).rejects.toBe(refused);
    await expect(database.transaction(Context.background, () => 1)).rejects.toBe(refused);
    expect(database.counts()).toMatchObject({ waiting: 0, checkedOut: 0, gaveUpWaiting: 0 });
  });
});
