import { AsyncLocalStorage } from 'node:async_hooks';

import { Context, isTimeout } from '@holdfast/core';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';

import { databaseLab } from './database-lab.ts';

const lab = databaseLab('create table note (id int primary key)');
const root = Context.background;
const note = pgTable('note', { id: integer('id').primaryKey() });

interface Tables {
  readonly note: { readonly id: number };
}

async function notes(): Promise<number[]> {
  return (await lab.server().query<{ id: number }>('select id from note order by id')).map(({ id }) => id);
}

/** The context of the moment, as an ambient one gives it. */
const ambient = new AsyncLocalStorage<Context>();

beforeEach(() => lab.server().query('truncate note'));

describe('Kysely', () => {
  const open = (under: Context | (() => Context | undefined)) => {
    const { database, pool } = lab.wrap({ max: 2 });
    const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: database.under(under) }) });
    return { database, pool, kysely };
  };

  it('reads and writes, in transactions too', async () => {
    const { kysely } = open(root);

    await kysely.insertInto('note').values({ id: 1 }).execute();
    await kysely.transaction().execute((trx) => trx.insertInto('note').values({ id: 2 }).execute());

    expect(await kysely.selectFrom('note').select('id').orderBy('id').execute()).toEqual([{ id: 1 }, { id: 2 }]);
    await kysely.destroy(); // it ends nothing that is not its own
  });

  it('stops with its context, and loses no connection', async () => {
    const { kysely, database, pool } = open(root.withTimeout(200));

    await expect(kyselySql`select pg_sleep(60)`.execute(kysely)).rejects.toSatisfy(isTimeout);
    await lab.rest(database);

    expect([pool.totalCount, pool.idleCount, database.counts().dropped]).toEqual([1, 1, 0]);
  });

  it('leaves no row of a transaction whose context ends', async () => {
    const { kysely, database } = open(root.withTimeout(300));

    const played = kysely.transaction().execute(async (trx) => {
      await trx.insertInto('note').values({ id: 1 }).execute();
      await kyselySql`select pg_sleep(60)`.execute(trx);
    });
    await expect(played).rejects.toSatisfy(isTimeout);
    await lab.rest(database);

    expect(await notes()).toEqual([]);
    expect(database.counts().dropped).toBe(0);
  });
});

describe('Drizzle', () => {
  const open = (under: Context | (() => Context | undefined)) => {
    const { database, pool } = lab.wrap({ max: 2 });
    return { database, pool, db: drizzle(database.under(under) as never) };
  };

  it('reads and writes, in transactions and savepoints too', async () => {
    const { db } = open(root);

    await db.insert(note).values({ id: 1 });
    await db.transaction(async (tx) => {
      await tx.insert(note).values({ id: 2 });
      await tx.transaction(async (inner) => {
        await inner.insert(note).values({ id: 3 });
      });
      await tx.transaction((inner) => inner.insert(note).values({ id: 3 })).catch(() => {});
    });

    expect(await db.select().from(note).orderBy(note.id)).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }]);
  });

  it('stops with its context, and loses no connection', async () => {
    const { db, database, pool } = open(root.withTimeout(200, 'over'));

    await expect(db.execute(drizzleSql`select pg_sleep(60)`)).rejects.toMatchObject({ cause: 'over' });
    await lab.rest(database);

    expect([pool.totalCount, pool.idleCount, database.counts().dropped]).toEqual([1, 1, 0]);
  });

  it('leaves no row and no lock of a transaction whose context ends while its work hangs', async () => {
    const context = root.withCancel();
    const { db, database } = open(context);

    let left = (): void => {};
    const played = db.transaction(async (tx) => {
      await tx.execute(drizzleSql`lock table note`);
      await tx.insert(note).values({ id: 1 });
      context.cancel('left');
      await new Promise<void>((resolve) => {
        left = resolve;
      });
    });
    const noted = played.catch((error: unknown) => error);
    await expect.poll(() => context.cancelled, { timeout: 30_000 }).toBe(true);
    await lab.server().query('insert into note values (2)'); // it would wait for the lock

    expect(await notes()).toEqual([2]);
    left();
    expect(await noted).toMatchObject({ cause: 'left' });
    await lab.rest(database);
    expect(database.counts().dropped).toBe(0);
  });

  it('loses no connection to a transaction that cannot begin, although Drizzle forgets it', async () => {
    const { database, pool } = lab.wrap({ max: 1 });
    const context = root.withCancel();
    const under = database.under(context);
    const late = {
      connect: async () => {
        const client = await under.connect();
        context.cancel('left'); // in the moment between the connection and BEGIN
        return client;
      },
    };
    const db = drizzle(Object.setPrototypeOf(late, under) as never);

    await expect(db.transaction(async () => {})).rejects.toMatchObject({ cause: 'left' });
    await lab.rest(database);

    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect([pool.totalCount, database.counts().dropped]).toEqual([1, 0]);
  });

  it('undoes exactly a savepoint whose context of the moment ends', async () => {
    const { db, database } = open(() => ambient.getStore());

    await db.transaction(async (tx) => {
      await tx.insert(note).values({ id: 1 });
      const inner = ambient.run(root.withTimeout(300, 'over'), () =>
        tx.transaction(async (savepoint) => {
          await savepoint.insert(note).values({ id: 2 });
          await savepoint.execute(drizzleSql`select pg_sleep(60)`);
        }),
      );
      await expect(inner).rejects.toMatchObject({ cause: 'over' });
      await tx.insert(note).values({ id: 3 });
    });

    expect(await notes()).toEqual([1, 3]);
    await lab.rest(database);
    expect(database.counts().dropped).toBe(0);
  });
});
