import { Context } from '@holdfast/core';
import { settle, virtualClock } from '@holdfast/core/testing';
import { describe, expect, it } from 'vitest';

import { FakePool, serverError } from '../../../test/sql/fake-pool.ts';
import { sqlPool } from './sql-pool.ts';

/** A pool whose server answers at once, but for statements that are called slow. */
function make() {
  const clock = virtualClock();
  const pool = new FakePool();
  const { client } = pool;
  client.automatic = (text) => {
    if (/^begin/i.test(text)) client.status = 'T';
    if (/^(commit|rollback$)/i.test(text)) client.status = 'I';
    return !text.includes('slow');
  };
  const database = sqlPool(pool, { clock });
  const stopSlow = (): void => {
    client.fail(serverError('57014'));
    pool.requests.at(-1)?.close();
  };
  return { clock, pool, client, database, stopSlow, root: Context.withClock(clock) };
}

describe('a bound client', () => {
  it('bound-client (1): stops a statement when the context ends, and undoes after that', async () => {
    const { client, database, root, stopSlow } = make();
    const context = root.withCancel();
    const bound = await database.under(context).connect();

    await bound.query('begin');
    const asked = bound.query('slow', []);
    await settle();
    context.cancel('left');
    await expect(asked).rejects.toBe('left');
    stopSlow();
    expect(await bound.query('rollback')).toMatchObject({ rows: [] });
    bound.release();
    await settle();

    expect(client.sent.filter((text) => /rollback/i.test(text))).toHaveLength(1);
    expect(client.releases).toEqual([undefined]);
  });

  it('bound-client (1): begins and commits nothing after the end', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();
    const bound = await database.under(context).connect();

    await bound.query('begin');
    context.cancel('left');

    for (const text of ['insert', 'commit', 'begin', 'savepoint a'])
      await expect(bound.query(text)).rejects.toBe('left');
    expect(client.sent).not.toContain('commit');
  });

  it('bound-client (1): does not stop COMMIT, and says where nobody knows', async () => {
    const { client, pool, database, root } = make();
    const context = root.withCancel();
    const bound = await database.under(context).connect();
    client.automatic = () => false;

    const asked = bound.query('commit').catch((error: unknown) => error);
    await settle();
    context.cancel('left');
    await settle();
    expect(pool.requests).toEqual([]);
    client.breakDown(new Error('reset'));

    expect(await asked).toMatchObject({ code: 'COMMIT_OUTCOME_UNKNOWN' });
  });

  it('bound-client (1): undoes nothing on a connection that is lost, so that the first error stays', async () => {
    const { client, database, root } = make();
    const bound = await database.under(root).connect();

    await bound.query('begin');
    client.breakDown(new Error('reset'));

    await expect(bound.query('insert')).rejects.toThrow('reset');
    expect(await bound.query('rollback')).toMatchObject({ rows: [] });
    bound.release();
    expect(client.releases).toHaveLength(1);
  });

  it('bound-client (2): leaves the transaction when the context ends, whatever its owner does', async () => {
    const { client, database, root } = make();
    const context = root.withCancel();
    const bound = await database.under(context).connect();

    await bound.query('begin');
    context.cancel('left');
    await settle();
    expect(client.sent).toEqual(['begin', 'ROLLBACK']);
    await bound.query('rollback to savepoint a');
    await bound.query('rollback');
    bound.release();
    await settle();

    expect(client.sent).toEqual(['begin', 'ROLLBACK']);
    expect(client.releases).toEqual([undefined]);
  });

  it('bound-client (2): takes the connection back from an owner that forgets it', async () => {
    const { client, database, root } = make();
    const context = root.withTimeout(0, 'over');
    const live = root.withCancel();
    let now: Context = live;
    const bound = await database.under(() => now).connect();
    now = context;

    await expect(bound.query('begin')).rejects.toBe('over'); // and its owner does not get to its release
    live.cancel('left');
    await settle();
    expect(client.releases).toEqual([undefined]);
    bound.release(true);
    bound.release();
    await settle();

    expect(client.releases).toEqual([undefined]);
    expect(database.counts().checkedOut).toBe(0);
  });

  it('bound-client (3): destroys the connection of a cursor when the context ends', async () => {
    const { client, pool, database, root } = make();
    const context = root.withCancel();
    const bound = await database.under(context).connect();
    const cursor = { text: 'slow', submit: () => {} };

    expect(bound.query(cursor)).toBe(cursor);
    context.cancel('left');
    pool.requests[0]?.close();
    await settle();

    expect(client.releases).toHaveLength(1);
    expect(() => bound.query(cursor)).toThrow('left');
  });

  it('bound-client (1): tells when the server does not undo, and not when the connection goes in between', async () => {
    const { client, database, root } = make();
    const refused = serverError('3B001');
    const bound = await database.under(root).connect();
    await bound.query('begin');
    client.automatic = () => false;

    const first = bound.query('rollback to savepoint nowhere');
    await settle();
    client.fail(refused);
    await expect(first).rejects.toBe(refused);
    const second = bound.query('rollback');
    await settle();
    client.breakDown(new Error('reset'));

    expect(await second).toMatchObject({ rows: [] });
    bound.release();
    expect(client.releases).toHaveLength(1);
  });

  it.each(['select 1', 'begin', 'commit', 'rollback'])(
    'bound-client (4): refuses %s after its release',
    async (text) => {
      const { client, database, root } = make();
      const bound = await database.under(root).connect();
      bound.release();
      await settle();
      const next = await database.under(root).connect();
      await next.query('begin');

      await expect(bound.query(text)).rejects.toMatchObject({ code: 'TRANSACTION_SCOPE', reason: 'released' });
      expect(() => bound.query({ submit: () => {} })).toThrow('this client was released');
      bound.on('error', () => {});
      bound.release(true);
      await next.query('insert');
      await next.query('commit');
      next.release();
      await settle();

      expect([client.sent, client.listenerCount]).toEqual([['begin', 'insert', 'commit'], 0]);
      expect(client.releases).toEqual([undefined, undefined]);
    },
  );

  it('bound-client (4): does what was asked before its release, without being waited for', async () => {
    const { client, database, root } = make();
    const bound = await database.under(root).connect();

    const asked = Promise.all([bound.query('begin'), bound.query('insert'), bound.query('commit')]);
    bound.release();
    await asked;
    await settle();

    expect([client.sent, client.releases]).toEqual([['begin', 'insert', 'commit'], [undefined]]);
  });

  it('lets its owner hear of errors of the connection', async () => {
    const { client, database, root } = make();
    const bound = await database.under(root).connect();
    const heard: string[] = [];
    const [kept, taken] = ['kept', 'taken'].map((name) => () => void heard.push(name));

    bound
      .on('error', kept as () => void)
      .on('error', taken as () => void)
      .off('error', taken as () => void);
    client.breakDown(new Error('reset'));

    expect(heard).toEqual(['kept']);
  });

  it('is destroyed when its owner says so', async () => {
    const { client, database, root } = make();
    const broken = new Error('broken');

    for (const destroy of [broken, true]) (await database.under(root).connect()).release(destroy);
    (await database.under(root).connect()).release(false);
    await settle();

    expect(client.releases).toEqual([broken, expect.any(Error), undefined]);
  });
});

describe('a bound pool', () => {
  it('takes the context of the moment, and none for none', async () => {
    const { client, database, root } = make();
    let now: Context | undefined = root.withTimeout(0, 'over');
    const pool = database.under(() => now);

    await expect(pool.query('select 1')).rejects.toBe('over');
    await expect(pool.connect()).rejects.toBe('over');
    now = undefined;
    await pool.query('select 2', [1]);

    expect(client.sent).toEqual(['select 2']);
  });

  it('stops a statement by the context of its moment, on a client that lives longer', async () => {
    const { database, root, stopSlow } = make();
    const inner = root.withCancel();
    let now: Context = root;
    const bound = await database.under(() => now).connect();

    await bound.query('begin');
    now = inner;
    const asked = bound.query('slow');
    await settle();
    inner.cancel('left');
    await expect(asked).rejects.toBe('left');
    stopSlow();
    now = root;

    expect(await bound.query('insert')).toMatchObject({ command: 'insert' });
  });

  it('refuses a function that returns no context, and a promise is none', async () => {
    const { client, database, root } = make();

    for (const source of [async () => root, () => ({}), () => 7]) {
      const pool = database.under(source as never);
      await expect(pool.query('select 1')).rejects.toThrow(/^the function given to under\(\) returns a context/);
      await expect(pool.connect()).rejects.toThrow(TypeError);
    }
    expect([client.sent, client.releases]).toEqual([[], []]);
  });

  it('refuses what is no statement, and a cursor that would outlast its client', async () => {
    const { client, database, root } = make();
    const pool = database.under(root);
    const bound = await pool.connect();

    await expect(bound.query(null as never)).rejects.toThrow('a statement is a string, or an object with a text');
    await expect(pool.query(undefined as never)).rejects.toThrow('a statement is a string');
    await expect(pool.query({ text: 'select 1', submit: () => {} } as never)).rejects.toThrow('needs a client');
    bound.release();
    await settle();

    expect(client.sent).toEqual([]);
  });

  it('refuses callbacks and what is no context, and ends nothing', async () => {
    const { client, database, root } = make();

    expect(() => database.under(undefined as never)).toThrow('under needs a Context');
    const pool = database.under(root);
    await expect((pool.connect as (callback: unknown) => Promise<unknown>)(() => {})).rejects.toThrow('no callback');
    await expect(pool.query('select 1', (() => {}) as never)).rejects.toThrow('no callback');
    await pool.end();

    expect(client.sent).toEqual([]);
    expect(Object.getPrototypeOf(pool).constructor.name).toBe('BoundPool'); // as Drizzle looks for
  });
});
