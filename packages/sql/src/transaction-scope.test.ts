import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool, serverError } from '../../../test/sql/fake-pool.ts';
import { sqlPool } from './sql-pool.ts';
import type { SqlTransaction } from './transaction-scope.ts';

/** A pool whose server answers at once, but for statements that are called slow. */
function make() {
  const clock = virtualClock();
  const pool = new FakePool();
  const { client } = pool;
  client.automatic = (text) => !text.includes('slow') && !text.includes('bad');
  const database = sqlPool(pool, { clock, statementTimeout: 'off', commitTimeoutMs: 5000 });
  const stopSlow = (): void => {
    client.fail(serverError('57014'));
    pool.requests.at(-1)?.close();
  };
  return { clock, pool, client, database, stopSlow, root: Context.withClock(clock) };
}

describe('a transaction', () => {
  it('transaction-scope (1): is committed with what its work returned', async () => {
    const { client, database, root } = make();

    const value = await database.transaction(root, async (transaction) => {
      await transaction.query('insert', [1]);
      return 'done';
    });
    await settle();

    expect([value, client.sent, client.releases]).toEqual(['done', ['BEGIN', 'insert', 'COMMIT'], [undefined]]);
  });

  it.each([
    ['rejects', async () => Promise.reject(new Error('mine'))],
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
  ])('transaction-scope (1): is rolled back when its work %s', async (_how, work) => {
    const { client, database, root } = make();

    await expect(database.transaction(root, work)).rejects.toThrow('mine');
    expect(client.sent).toEqual(['BEGIN', 'ROLLBACK']);
  });

  it('transaction-scope (1): is not committed when a statement failed and the work went on', async () => {
    const { client, database, root } = make();
    const refused = serverError('23505');

    const played = database.transaction(root, async (transaction) => {
      const failed = transaction.query('bad').catch(() => {});
      await settle();
      client.fail(refused);
      await failed;
      return 'as if nothing were';
    });

    await expect(played).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', cause: refused });
    expect(client.sent).toEqual(['BEGIN', 'bad', 'ROLLBACK']);
  });

  it('transaction-scope (5): is no success when a statement ended it, and sends nothing more', async () => {
    const { client, database, root } = make();
    client.automatic = (text) => {
      if (text.includes('; commit')) client.status = 'I';
      return true;
    };
    const refusal = { code: 'TRANSACTION_SCOPE', reason: 'ended-by-statement' };

    const played = database.transaction(root, async (transaction) => {
      const ended = transaction.query('insert; commit');
      const next = transaction.query('next');
      await expect(ended).rejects.toMatchObject(refusal);
      await expect(next).rejects.toMatchObject(refusal);
      return 'as if nothing were';
    });

    await expect(played).rejects.toMatchObject(refusal);
    expect([client.sent, client.releases]).toEqual([['BEGIN', 'insert; commit'], [expect.objectContaining(refusal)]]);
  });

  it('transaction-scope (5): is not committed when it was ended by a text that failed after that', async () => {
    const { client, database, root } = make();

    const played = database.transaction(root, async (transaction) => {
      const failed = transaction.query('bad; commit; worse').catch(() => {});
      await settle();
      client.status = 'I';
      client.fail(serverError('22012'));
      await failed;
    });

    await expect(played).rejects.toMatchObject({ reason: 'ended-by-statement' });
    expect(client.sent).not.toContain('COMMIT');
  });

  it('transaction-scope (1): is not committed when the server says that it rolled back', async () => {
    const { client, database, root } = make();
    client.automatic = (text) => {
      if (text !== 'COMMIT') return true;
      setImmediate(() => client.answer('ROLLBACK'));
      return false;
    };

    await expect(database.transaction(root, () => 1)).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' });
  });

  it('transaction-scope (1): is not committed when its context ended before COMMIT was sent', async () => {
    const { client, clock, database, root } = make();

    const played = database.transaction(root.withTimeout(100, 'over'), async () => {
      clock.now = () => 100; // time has passed, and no timer has fired yet
      return 'done';
    });

    await expect(played).rejects.toBe('over');
    await settle();
    expect(client.sent).toEqual(['BEGIN', 'ROLLBACK']);
  });

  it('transaction-scope (1): waits for statements that its work did not wait for', async () => {
    const { client, database, root } = make();
    const seen: unknown[] = [];

    await database.transaction(root, (transaction) => {
      void transaction.query('one').then(() => seen.push('one'));
      void transaction.query('two').then(() => seen.push('two'));
    });

    expect([client.sent, seen]).toEqual([
      ['BEGIN', 'one', 'two', 'COMMIT'],
      ['one', 'two'],
    ]);
  });

  it('transaction-scope (2): is not stopped once COMMIT was sent', async () => {
    const { client, pool, database, root } = make();
    const context = root.withCancel();
    client.automatic = (text) => text !== 'COMMIT';

    const played = database.transaction(context, () => 'done');
    await settle();
    expect(client.sent).toEqual(['BEGIN', 'COMMIT']);
    context.cancel('left');
    await settle();
    client.answer('COMMIT');

    expect(await played).toBe('done');
    expect(pool.requests).toEqual([]);
  });

  it('transaction-scope (2): is unknown when COMMIT gets no answer, and its client is destroyed', async () => {
    const { client, clock, database, root } = make();
    client.automatic = (text) => text !== 'COMMIT';

    const played = database.transaction(root, () => 'done').catch((error: unknown) => error);
    await clock.advance(5000);

    expect(await played).toMatchObject({ code: 'COMMIT_OUTCOME_UNKNOWN', cause: { code: 'CONNECTION_DROPPED' } });
    expect(client.releases).toHaveLength(1);
  });

  it('transaction-scope (2): that only reads has nothing to lose when COMMIT gets no answer', async () => {
    const { client, database, root } = make();
    client.automatic = (text) => text !== 'COMMIT';

    const played = database.transaction(root, () => 'read', { readOnly: true });
    await settle();
    client.breakDown(new Error('reset'));

    expect(await played).toBe('read');
  });

  it('transaction-scope (2): that the server refuses to commit rejects with what the server says', async () => {
    const { client, database, root } = make();
    const refused = serverError('40001');
    client.automatic = (text) => text !== 'COMMIT';

    const played = database.transaction(root, () => 'done');
    await settle();
    client.fail(refused);

    await expect(played).rejects.toBe(refused);
  });

  it('transaction-scope (2): was not committed for sure when its connection broke before COMMIT', async () => {
    const { client, database, root } = make();
    const broken = new Error('reset');

    const played = database.transaction(root, async () => {
      client.breakDown(broken);
      return 'done';
    });

    await expect(played).rejects.toBe(broken);
    expect(client.sent).toEqual(['BEGIN']);
  });

  it('transaction-scope (1): that the server does not begin is left, and its client given back', async () => {
    const { client, database, root } = make();
    const refused = serverError('22023');
    client.automatic = (text) => text !== 'BEGIN';

    const played = database.transaction(root, () => 'done');
    await settle();
    client.fail(refused);

    await expect(played).rejects.toBe(refused);
    await settle();
    expect([client.sent, client.releases]).toEqual([['BEGIN', 'ROLLBACK'], [undefined]]);
  });

  it('transaction-scope (3): tells its caller at once while it is begun, and rolls back what comes of that', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();
    let hasWorked = false;
    client.automatic = (text) => text !== 'BEGIN';

    const played = database.transaction(context, () => (hasWorked = true));
    await settle();
    context.cancel('left');
    await expect(played).rejects.toBe('left');
    client.answer('BEGIN');
    await settle();

    expect([client.sent, client.releases, hasWorked]).toEqual([['BEGIN', 'ROLLBACK'], [undefined], false]);
  });

  it('transaction-scope (1): that is not rolled back in time loses its client, which rolls it back', async () => {
    const { client, clock, database, root } = make();
    client.automatic = (text) => text !== 'ROLLBACK';

    const played = database.transaction(root, () => Promise.reject(new Error('mine')));
    const noted = played.catch((error: unknown) => error);
    await clock.advance(2000);

    expect(await noted).toMatchObject({ message: 'mine' });
    expect(client.releases).toEqual([expect.objectContaining({ code: 'CONNECTION_DROPPED' })]);
  });

  it('transaction-scope (3): tells its caller at once, and rolls back although its work hangs', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();

    const played = database.transaction(context, () => new Promise(() => {}));
    await settle();
    context.cancel('left');
    await expect(played).rejects.toBe('left');
    await settle();

    expect([client.sent, client.releases]).toEqual([['BEGIN', 'ROLLBACK'], [undefined]]);
  });

  it('transaction-scope (3): refuses what a work sends that goes on after the end', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();
    let late: SqlTransaction | undefined;

    const played = database.transaction(context, (transaction) => {
      late = transaction;
      return new Promise(() => {});
    });
    await settle();
    context.cancel('left');
    await expect(played).rejects.toBe('left');

    await expect(late?.query('late')).rejects.toBe('left');
    await expect(late?.savepoint(root, () => 1)).rejects.toBe('left');
    expect(client.sent).not.toContain('late');
  });

  it('transaction-scope (3): stops its statement before it rolls back', async () => {
    const { client, database, root, stopSlow } = make();
    const context = root.withCancel();

    const played = database.transaction(context, (transaction) => transaction.query('slow'));
    await settle();
    context.cancel('left');
    await expect(played).rejects.toBe('left');
    await settle();
    expect(client.sent).toEqual(['BEGIN', 'slow']);
    stopSlow();
    await settle();

    expect(client.sent).toEqual(['BEGIN', 'slow', 'ROLLBACK', '']);
  });

  it('transaction-scope (1): is not ended by a statement of its work', async () => {
    const { client, database, root } = make();

    await expect(database.transaction(root, (transaction) => transaction.query('commit'))).rejects.toThrow(TypeError);
    expect(client.sent).toEqual(['BEGIN', 'ROLLBACK']);
  });

  it('transaction-scope (4): refuses statements when it is over', async () => {
    const { database, root } = make();
    const late = await database.transaction(root, (transaction) => transaction);

    await expect(late.query('late')).rejects.toMatchObject({ code: 'TRANSACTION_SCOPE', reason: 'ended' });
    await expect(late.savepoint(root, () => 1)).rejects.toMatchObject({ reason: 'ended' });
  });
});

describe('a savepoint', () => {
  it('transaction-scope (1): is undone whole when its context ends, and the transaction goes on after that', async () => {
    const { client, database, root, stopSlow } = make();

    await database.transaction(root, async (transaction) => {
      await transaction.query('outer 1');
      const context = root.withCancel();
      const inner = transaction.savepoint(context, (savepoint) => savepoint.query('slow'));
      await settle();
      context.cancel('left');
      await expect(inner).rejects.toBe('left');
      const after = transaction.query('outer 2');
      await settle();
      stopSlow();
      await after;
    });

    expect(client.sent.slice(0, 6)).toEqual([
      'BEGIN',
      'outer 1',
      'SAVEPOINT holdfast_1',
      'slow',
      'ROLLBACK TO SAVEPOINT holdfast_1; RELEASE SAVEPOINT holdfast_1',
      'outer 2',
    ]);
    expect(client.sent).toContain('COMMIT');
  });

  it('transaction-scope (1): that its work did not wait for is undone before COMMIT', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();

    await database.transaction(root, async (transaction) => {
      transaction.savepoint(context, () => new Promise(() => {})).catch(() => {});
      await settle();
      context.cancel('left');
    });

    expect(client.sent).toEqual([
      'BEGIN',
      'SAVEPOINT holdfast_1',
      'ROLLBACK TO SAVEPOINT holdfast_1; RELEASE SAVEPOINT holdfast_1',
      'COMMIT',
    ]);
  });

  it('transaction-scope (1): ends with what is around it, which undoes it as well', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();
    const inner: unknown[] = [];

    const played = database.transaction(context, (transaction) =>
      transaction
        .savepoint(root, () => new Promise(() => {}))
        .catch((error: unknown) => {
          inner.push(error);
        }),
    );
    await settle();
    context.cancel('left');
    await expect(played).rejects.toBe('left');
    await settle();

    expect(inner).toEqual(['left']);
    expect(client.sent).toEqual(['BEGIN', 'SAVEPOINT holdfast_1', 'ROLLBACK']);
  });

  it('transaction-scope (1): is released with its work, one after the other, one in the other', async () => {
    const { client, database, root } = make();

    const value = await database.transaction(root, async (transaction) => {
      const first = await transaction.savepoint(root, (outer) => outer.savepoint(root, () => 1));
      return first + (await transaction.savepoint(root, () => 2));
    });

    expect(value).toBe(3);
    expect(client.sent).toEqual([
      'BEGIN',
      'SAVEPOINT holdfast_1',
      'SAVEPOINT holdfast_2',
      'RELEASE SAVEPOINT holdfast_2',
      'RELEASE SAVEPOINT holdfast_1',
      'SAVEPOINT holdfast_3',
      'RELEASE SAVEPOINT holdfast_3',
      'COMMIT',
    ]);
  });

  it('transaction-scope (1): that is not opened leaves nothing to undo', async () => {
    const { client, database, root } = make();
    const refused = serverError('25P02');
    client.automatic = (text) => !text.startsWith('SAVEPOINT');

    await database.transaction(root, async (transaction) => {
      const inner = transaction.savepoint(root, () => 1);
      await settle();
      client.fail(refused);
      await expect(inner).rejects.toBe(refused);
    });

    expect(client.sent).toEqual(['BEGIN', 'SAVEPOINT holdfast_1', 'COMMIT']);
  });

  it('transaction-scope (1): that the server does not release is undone', async () => {
    const { client, database, root } = make();
    const refused = serverError('25P02');
    client.automatic = (text) => !text.startsWith('RELEASE');

    await database.transaction(root, async (transaction) => {
      const inner = transaction.savepoint(root, () => 1);
      await settle();
      client.fail(refused);
      await expect(inner).rejects.toBe(refused);
    });

    expect(client.sent.slice(2, 4)).toEqual([
      'RELEASE SAVEPOINT holdfast_1',
      'ROLLBACK TO SAVEPOINT holdfast_1; RELEASE SAVEPOINT holdfast_1',
    ]);
  });

  it('transaction-scope (4): keeps statements of the transaction out while it is open', async () => {
    const { client, database, root } = make();
    const refused: unknown[] = [];

    await database.transaction(root, (transaction) =>
      transaction.savepoint(root, async () => {
        const wrong = [transaction.query('wrong'), transaction.savepoint(root, () => 1)];
        refused.push(...(await Promise.allSettled(wrong)));
      }),
    );

    const refusal = { reason: { reason: 'has-open-savepoint' } };
    expect(refused).toMatchObject([refusal, refusal]);
    expect(client.sent).not.toContain('wrong');
  });

  it('transaction-scope (1): does not begin in a context that has ended', async () => {
    const { client, database, root } = make();

    await database.transaction(root, async (transaction) => {
      await expect(transaction.savepoint(root.withTimeout(0, 'over'), () => 1)).rejects.toBe('over');
      await expect(transaction.savepoint(undefined as never, () => 1)).rejects.toThrow('needs a Context');
      await expect(transaction.savepoint(root, 'work' as never)).rejects.toThrow('needs a function');
      await transaction.query('after');
    });

    expect(client.sent).toEqual(['BEGIN', 'after', 'COMMIT']);
  });
});
