import { Context, isTimeout } from '@holdfast/core';
import type { SqlTransaction } from '@holdfast/sql';
import { beforeEach, describe, expect, it } from 'vitest';

import { databaseLab } from './database-lab.ts';

const lab = databaseLab(`
  create table note (id int primary key);
  create table pair (id int primary key, other int references pair deferrable initially deferred)
`);
const root = Context.background;

/** Ids of the rows that stayed, as another connection sees them. */
async function notes(): Promise<number[]> {
  return (await lab.server().query<{ id: number }>('select id from note order by id')).map(({ id }) => id);
}

async function insert(scope: SqlTransaction, id: number): Promise<void> {
  await scope.query('insert into note values ($1)', [id]);
}

beforeEach(() => lab.server().query('truncate note, pair'));

describe('a savepoint on a real server', () => {
  it('undoes exactly its rows when its context ends in a statement, and the transaction commits', async () => {
    const { database } = lab.wrap();

    await database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      const inner = transaction.savepoint(transaction.context.withTimeout(100), async (savepoint) => {
        await insert(savepoint, 2);
        await savepoint.query('select pg_sleep(60)');
      });
      await expect(inner).rejects.toSatisfy(isTimeout);
      await insert(transaction, 3);
    });

    expect(await notes()).toEqual([1, 3]);
  });

  it('undoes exactly its rows when its context ends between statements, and its work never returns', async () => {
    const { database } = lab.wrap();

    await database.transaction(root, async (transaction) => {
      const context = root.withCancel();
      const inner = transaction.savepoint(context, async (savepoint) => {
        await insert(savepoint, 2);
        context.cancel('left');
        return new Promise(() => {});
      });
      await expect(inner).rejects.toBe('left');
      await insert(transaction, 3);
    });

    expect(await notes()).toEqual([3]);
  });

  it('in a savepoint undoes only itself; a failed one undoes what was released in it', async () => {
    const { database } = lab.wrap();
    const mine = new Error('mine');

    await database.transaction(root, async (transaction) => {
      await transaction.savepoint(root, async (outer) => {
        await insert(outer, 1);
        const inner = outer.savepoint(root.withTimeout(100), (savepoint) => savepoint.query('select pg_sleep(60)'));
        await expect(inner).rejects.toSatisfy(isTimeout);
        await outer.savepoint(root, (savepoint) => insert(savepoint, 2));
      });
      const failed = transaction.savepoint(root, async (outer) => {
        await outer.savepoint(root, (savepoint) => insert(savepoint, 3));
        throw mine;
      });
      await expect(failed).rejects.toBe(mine);
    });

    expect(await notes()).toEqual([1, 2]);
  });

  it('saves the transaction from a statement that fails', async () => {
    const { database } = lab.wrap();

    await database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      const twice = transaction.savepoint(root, (savepoint) => insert(savepoint, 1));
      await expect(twice).rejects.toMatchObject({ code: '23505' });
      await insert(transaction, 2);
    });

    expect(await notes()).toEqual([1, 2]);
  });

  it('whose failed statement was caught is rolled back by itself', async () => {
    const { database } = lab.wrap();

    await database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      const swallowed = transaction.savepoint(root, async (savepoint) => {
        await insert(savepoint, 2);
        await insert(savepoint, 2).catch(() => {});
      });
      await expect(swallowed).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', cause: { code: '23505' } });
      await insert(transaction, 3);
    });

    expect(await notes()).toEqual([1, 3]);
  });
});

describe('a transaction on a real server', () => {
  it('leaves no row when its context ends in a statement, and no lock', async () => {
    const { pool, database } = lab.wrap({ max: 1 });

    const played = database.transaction(root.withTimeout(100), async (transaction) => {
      await transaction.query('lock table note');
      await insert(transaction, 1);
      await transaction.query('select pg_sleep(60)');
    });
    await expect(played).rejects.toSatisfy(isTimeout);
    await lab.rest(database);

    expect(await notes()).toEqual([]);
    expect([pool.totalCount, pool.idleCount, database.counts().dropped]).toEqual([1, 1, 0]);
  });

  it('leaves no row and no lock when its context ends while its work hangs elsewhere', async () => {
    const { database } = lab.wrap();
    const context = root.withCancel();

    const played = database.transaction(context, async (transaction) => {
      await transaction.query('lock table note');
      await insert(transaction, 1);
      context.cancel('left');
      return new Promise(() => {});
    });
    await expect(played).rejects.toBe('left');

    await database.query(root.withTimeout(30_000), 'insert into note values (2)'); // it would wait for the lock
    expect(await notes()).toEqual([2]);
  });

  it('leaves no row when a failed statement was caught, and says so', async () => {
    const { database } = lab.wrap();

    const played = database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      await insert(transaction, 1).catch(() => {});
      return 'as if nothing were';
    });

    await expect(played).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', cause: { code: '23505' } });
    expect(await notes()).toEqual([]);
  });

  it('that the server refuses to commit rejects with what the server says', async () => {
    const { database } = lab.wrap();

    const played = database.transaction(root, async (transaction) => {
      await transaction.query('insert into pair values (1, 2)');
    });

    await expect(played).rejects.toMatchObject({ code: '23503' });
    expect(await lab.server().query('select * from pair')).toEqual([]);
  });

  it('is committed whole or not at all, when its context ends around COMMIT', { timeout: 120_000 }, async () => {
    const { database } = lab.wrap({ max: 4 });
    const told: { id: number; isDone: boolean }[] = [];

    for (let id = 0; id < 200; id += 2) {
      const context = root.withTimeout(1 + (id % 20) / 4, 'over');
      const isDone = await database
        .transaction(context, async (transaction) => {
          await insert(transaction, id);
          await insert(transaction, id + 1);
        })
        .then(
          () => true,
          (error: unknown) => {
            if (error !== 'over') throw error;
            return false;
          },
        );
      told.push({ id, isDone });
    }
    await lab.rest(database);

    const stayed = told.filter(({ isDone }) => isDone).flatMap(({ id }) => [id, id + 1]);
    expect(await notes()).toEqual(stayed);
    expect(database.counts().dropped).toBe(0);
  });

  it('runs as it was asked to', async () => {
    const { database } = lab.wrap();
    const shown = async (options: object): Promise<unknown[]> =>
      database.transaction(
        root,
        async (transaction) => {
          const isolation = await transaction.query<{ is: string }>(
            `select current_setting('transaction_isolation') as is`,
          );
          const readOnly = await transaction.query<{ is: string }>(
            `select current_setting('transaction_read_only') as is`,
          );
          return [isolation.rows[0]?.is, readOnly.rows[0]?.is];
        },
        options,
      );

    expect(await shown({})).toEqual(['read committed', 'off']);
    expect(await shown({ isolation: 'serializable', readOnly: true, deferrable: true })).toEqual([
      'serializable',
      'on',
    ]);
    const written = database.transaction(root, (transaction) => insert(transaction, 1), { readOnly: true });
    await expect(written).rejects.toMatchObject({ code: '25006' });
  });

  it('has settings that nobody else gets, whatever is in them', async () => {
    const { database } = lab.wrap({ max: 1 });
    const tenant = `o'neill \\ "; drop table note; --`;
    const text = `select current_setting('app.tenant', true) as tenant`;

    const inside = await database.transaction(root, (transaction) => transaction.query(text), {
      settings: { 'app.tenant': tenant },
    });
    const failed = database.transaction(root, () => Promise.reject(new Error('mine')), {
      settings: { 'app.tenant': 'b' },
    });
    await expect(failed).rejects.toThrow('mine');
    const outside = await database.read(root, text);

    expect([inside.rows, outside.rows]).toEqual([[{ tenant }], [{ tenant: '' }]]);
  });

  it('has the settings and values of its call, whatever becomes of them while it waits for a client', async () => {
    const { pool, database } = lab.wrap({ max: 1 });
    const client = await pool.connect();
    const settings = { 'app.tenant': 'acme' };
    const values = ['mine'];
    const text = `select current_setting('app.tenant') as tenant`;

    const played = database.transaction(root, (transaction) => transaction.query(text), { settings });
    const read = database.read(root, 'select $1::text as value', values);
    settings['app.tenant'] = 'other';
    values[0] = 'changed';
    client.release();

    expect([(await played).rows, (await read).rows]).toEqual([[{ tenant: 'acme' }], [{ value: 'mine' }]]);
  });

  it('that cannot begin rejects with what the server says, and gives its client back', async () => {
    const { pool, database } = lab.wrap({ max: 1 });

    const played = database.transaction(root, () => 1, { settings: { work_mem: 'much' } });
    await expect(played).rejects.toMatchObject({ code: '22023' });
    await lab.rest(database);

    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect([pool.totalCount, database.counts().dropped]).toEqual([1, 0]);
  });
});

describe('a transaction that a statement ended behind its back', () => {
  it.each([
    'select 1; rollback',
    'insert into note values (2); commit',
    '/* a /* b */ */ rollback',
    'select 1; rollback; begin',
    'select 1; commit and chain',
  ])('is no success: %s', async (text) => {
    const { database } = lab.wrap({ max: 1 });
    const refusal = { code: 'TRANSACTION_SCOPE', reason: 'ended-by-statement' };

    const played = database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      const told = [transaction.query(text), transaction.query('insert into note values (9)')];
      for (const { reason } of (await Promise.allSettled(told)) as PromiseRejectedResult[])
        expect(reason).toMatchObject(refusal);
      return 'as if nothing were';
    });

    await expect(played).rejects.toMatchObject(refusal);
    expect(await notes()).not.toContain(9);
    expect(database.counts()).toMatchObject({ checkedOut: 0, dropped: 1 });
  });

  it('refuses one behind semicolons before it is sent', async () => {
    const { database } = lab.wrap({ max: 1 });

    await database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      await expect(transaction.query(' ;; rollback')).rejects.toThrow(TypeError);
    });

    expect(await notes()).toEqual([1]);
  });
});

describe('a bound client that was released', () => {
  it('does not reach the transaction of whoever has its connection next', async () => {
    const { database } = lab.wrap({ max: 1 });
    const stale = await database.under(root).connect();
    await stale.query('begin');
    await stale.query('commit');
    stale.release();

    await database.transaction(root, async (transaction) => {
      await insert(transaction, 1);
      for (const text of ['insert into note values (2)', 'rollback', 'commit'])
        await expect(stale.query(text)).rejects.toMatchObject({ reason: 'released' });
      await insert(transaction, 3);
    });

    expect(await notes()).toEqual([1, 3]);
  });

  it('stops no statement of the next when its context ends', async () => {
    const { database } = lab.wrap({ max: 1 });
    const context = root.withCancel();
    const stale = await database.under(() => context).connect();
    stale.release();

    const innocent = database.read(root, 'select pg_sleep(0.3) as innocent');
    await lab.running('as innocent');
    await expect(stale.query('select 1')).rejects.toMatchObject({ reason: 'released' });
    context.cancel('left');

    expect((await innocent).rowCount).toBe(1);
  });
});

describe('the server’s own limit of time', () => {
  const limitIn = async (database: ReturnType<typeof lab.wrap>['database'], context: Context): Promise<number> =>
    database.transaction(context, async (transaction) => {
      const { rows } = await transaction.query<{ ms: string }>(
        `select setting as ms from pg_settings where name = 'statement_timeout'`,
      );
      return Number(rows[0]?.ms);
    });

  it('is the time that is left, a little more, and goes with the transaction', async () => {
    const { database } = lab.wrap({ max: 1 });

    const limitMs = await limitIn(database, root.withTimeout(20_000));

    expect(limitMs).toBeGreaterThan(5000);
    expect(limitMs).toBeLessThanOrEqual(20_100);
    expect(await limitIn(database, root)).toBe(0);
    expect((await database.read(root, 'show statement_timeout')).rows).toEqual([{ statement_timeout: '0' }]);
  });

  it.each([
    [5000, 5000],
    [60_000, 20_000],
  ])('is lowered by it, and never raised: %d ms', async (ownMs, atMostMs) => {
    const { database } = lab.wrap({ statement_timeout: ownMs });

    const limitMs = await limitIn(database, root.withTimeout(20_000));

    expect(limitMs).toBeLessThanOrEqual(atMostMs + 100);
    expect(limitMs).toBeGreaterThan(atMostMs / 4);
    expect(await limitIn(database, root.withTimeout(1e12 - 1))).toBe(ownMs);
  });

  it('goes with a single statement that has values, in one round trip, and stays for nobody', async () => {
    const { database, pool } = lab.wrap({ max: 1 });
    const context = root.withTimeout(20_000);
    const text = `select $1::int as number, extract(epoch from current_setting('statement_timeout')::interval) as seconds`;
    await database.query(root, 'select 1');
    const client = await pool.connect();
    let answers = 0;
    client.connection.on('readyForQuery', () => (answers += 1));
    client.release();

    const { rows, fields, rowCount } = await database.query<{ number: number; seconds: string }>(context, text, [7]);
    expect(answers).toBe(1);
    const after = await database.query(root, 'show statement_timeout');
    const refused = await database.query(context, 'select 1 / $1::int', [0]).catch((error: unknown) => error);

    expect([rows[0]?.number, rowCount, fields.map(({ name }) => name)]).toEqual([7, 1, ['number', 'seconds']]);
    expect(Number(rows[0]?.seconds)).toBeGreaterThan(5);
    expect(Number(rows[0]?.seconds)).toBeLessThanOrEqual(20.1);
    expect(after.rows).toEqual([{ statement_timeout: '0' }]);
    expect(refused).toMatchObject({ code: '22012' });
  });

  it('goes with a single statement that is prepared by name, from its second run on', async () => {
    const { database } = lab.wrap({ max: 1 });
    const statement = {
      name: 'limit',
      text: `select $1::int as number, current_setting('statement_timeout') <> '0' as "isLimited"`,
    };
    const run = async (number: number): Promise<unknown> =>
      (await database.query(root.withTimeout(20_000), statement, [number])).rows;

    expect([await run(1), await run(2), await run(3)]).toEqual([
      [{ number: 1, isLimited: false }],
      [{ number: 2, isLimited: true }],
      [{ number: 3, isLimited: true }],
    ]);
    const wrong = { name: 'wrong', text: 'select $1::int from nowhere' };
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(database.query(root.withTimeout(20_000), wrong, [1])).rejects.toMatchObject({ code: '42P01' });
    const twice = { name: 'limit', text: 'select $1::int as other' };
    await expect(database.query(root.withTimeout(20_000), twice, [1])).rejects.toThrow('must be unique');
    expect(await run(4)).toEqual([{ number: 4, isLimited: true }]);
  });

  it('lets a procedure commit', async () => {
    const { database } = lab.wrap();
    await lab.server().query(
      `create or replace procedure note_twice(n int) language plpgsql as
       $$ begin insert into note values (n); commit; insert into note values (n + 1); end $$`,
    );

    await database.query(root.withTimeout(20_000), 'call note_twice($1)', [1]);

    expect(await notes()).toEqual([1, 2]);
  });

  it('ends a single statement of a client that is cut off', async () => {
    const { database, proxy } = await lab.wrapBehindProxy({}, { cancelGraceMs: 200 });

    const asked = database.query(root.withTimeout(4000), 'select pg_sleep($1) as cut_off_alone', [600]);
    const noted = asked.catch((error: unknown) => error);
    await lab.running('cut_off_alone');
    proxy.apply({ toServer: { kind: 'stall' }, toClient: { kind: 'stall' } });

    expect(await noted).toMatchObject({ code: 'STATEMENT_OUTCOME_UNKNOWN' });
    await expect
      .poll(async () => (await lab.server().backends()).filter(({ state }) => state === 'active'), { timeout: 30_000 })
      .toEqual([]);
  });

  it('is left alone where that is wanted', async () => {
    const { database } = lab.wrap({}, { statementTimeout: 'off' });

    expect(await limitIn(database, root.withTimeout(20_000))).toBe(0);
  });

  it('ends a statement of a client that is cut off and can stop nothing', async () => {
    const { database, proxy } = await lab.wrapBehindProxy({}, { cancelGraceMs: 200 });

    const played = database.transaction(root.withTimeout(4000), (transaction) =>
      transaction.query('select pg_sleep(600) as cut_off'),
    );
    await lab.running('cut_off');
    proxy.apply({ toServer: { kind: 'stall' }, toClient: { kind: 'stall' } });
    await expect(played).rejects.toSatisfy(isTimeout);

    await expect
      .poll(async () => (await lab.server().backends()).filter(({ state }) => state === 'active'), { timeout: 30_000 })
      .toEqual([]);
  });
});
