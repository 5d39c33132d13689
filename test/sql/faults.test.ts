import { Context, isTimeout } from '@holdfast/core';
import { Query } from 'pg';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

import { startPostgresServer } from '../postgres-lab/postgres-server.ts';
import { certificate } from '../postgres-lab/self-signed.ts';
import { eventually } from '../redis-lab/eventually.ts';
import { latency } from '../redis-lab/flow.ts';
import { databaseLab, patient } from './database-lab.ts';
import { CommitOutcomeUnknownError, isDatabaseUnavailable, sqlPool } from '@holdfast/sql';

const lab = databaseLab('create table note (id int primary key)');
const root = Context.background;

async function notes(): Promise<number[]> {
  return (await lab.server().query<{ id: number }>('select id from note order by id')).map(({ id }) => id);
}

/** Whether it is the deadline that something fails by. */
async function isLate(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(() => false, isTimeout);
}

/** Waits until no statement with `text` runs: what a lost connection left behind is stopped, and holds no lock. */
async function isStopped(text: string): Promise<void> {
  const left = async (): Promise<unknown[]> =>
    (await lab.server().backends()).filter(({ state, query }) => state === 'active' && query.includes(text));
  await expect.poll(left, { timeout: 30_000 }).toEqual([]);
}

beforeEach(() => lab.server().query('truncate note'));

describe('a connection that breaks', () => {
  it.each([
    ['query', true],
    ['read', false],
  ] as const)('in a statement: %s, is unknown: %s', async (how, isUnknown) => {
    const { database, pool, proxy } = await lab.wrapBehindProxy();

    const asked = database[how](root, `select pg_sleep(60) as broken_${how}`).catch((error: unknown) => error);
    await lab.running(`broken_${how}`);
    proxy.reset();

    const error = (await asked) as Error & { readonly code?: string };
    expect([error instanceof Error, error.code === 'STATEMENT_OUTCOME_UNKNOWN']).toEqual([true, isUnknown]);
    await isStopped(`broken_${how}`);
    expect(database.counts()).toMatchObject({ checkedOut: 0, dropped: 1, cancelRequests: 1 });
    expect((await database.read(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect(pool.totalCount).toBe(1);
  });

  it('in a transaction undoes it, and says what broke, not that anything is unknown', async () => {
    const { database, proxy } = await lab.wrapBehindProxy();

    const played = database.transaction(root, async (transaction) => {
      await transaction.query('insert into note values (1)');
      await transaction.savepoint(root, (savepoint) => savepoint.query('select pg_sleep(60) as torn'));
    });
    const noted = played.catch((error: unknown) => error);
    await lab.running('torn');
    proxy.reset();

    expect(await noted).toBeInstanceOf(Error);
    expect(await noted).not.toMatchObject({ code: expect.stringMatching('UNKNOWN') as unknown });
    await isStopped('torn');
    expect(await notes()).toEqual([]);
  });

  it('with the answer to COMMIT leaves its outcome unknown, and it says so: here it was done', async () => {
    const { database, proxy } = await lab.wrapBehindProxy();

    const played = database.transaction(root, async (transaction) => {
      await transaction.query('insert into note values (1)');
      proxy.apply({ toClient: { kind: 'cut', afterBytes: 0, armedBy: 'COMMIT' } });
    });

    await expect(played).rejects.toMatchObject({ code: 'COMMIT_OUTCOME_UNKNOWN' });
    await expect.poll(notes).toEqual([1]);
  });

  it('with COMMIT on its way leaves its outcome unknown, and it says so: here it was not done', async () => {
    const { database, proxy } = await lab.wrapBehindProxy();

    const played = database.transaction(root, async (transaction) => {
      await transaction.query('insert into note values (1)');
      proxy.apply({ toServer: { kind: 'cut', afterBytes: 3, armedBy: 'COMMIT' } });
    });

    await expect(played).rejects.toMatchObject({ code: 'COMMIT_OUTCOME_UNKNOWN' });
    expect(await notes()).toEqual([]);
  });

  it('while nothing is sent on it fails the next statement, for sure not done', async () => {
    const { database, proxy } = await lab.wrapBehindProxy();

    const played = database.transaction(root, async (transaction) => {
      await transaction.query('insert into note values (1)');
      proxy.reset();
      await eventually(() => database.counts().dropped === 1, { what: 'the loss' });
      await transaction.query('insert into note values (2)');
    });

    const error: unknown = await played.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toMatchObject({ code: expect.stringMatching('UNKNOWN') as unknown });
    expect(await notes()).toEqual([]);
  });

  it('because an operator ends it is unknown for an effect, and no statement after it is hurt', async () => {
    const { database } = lab.wrap({ max: 1 });

    const asked = database.query(root, 'select pg_sleep(60) as terminated').catch((error: unknown) => error);
    const pid = await lab.running('terminated');
    await lab.server().query('select pg_terminate_backend($1)', [pid]);

    expect(await asked).toMatchObject({ code: 'STATEMENT_OUTCOME_UNKNOWN', cause: { code: '57P01' } });
    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
  });
});

describe('a server that restarts', () => {
  it('is told apart from every other failure, and nothing of what failed so was done', async () => {
    await using server = await startPostgresServer();
    await server.query('create table note (id int primary key)');
    const database = sqlPool(server.pool({ max: 4 }), patient);
    const outcomes = new Map<number, unknown>();
    let id = 0;
    const story = { isOver: false };
    const write = async (): Promise<void> => {
      while (!story.isOver) {
        const own = ++id;
        const insert = { text: 'insert into note values ($1)', values: [own] };
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        const outcome: unknown = await database
          .transaction(root, (transaction) => transaction.query(insert))
          .then(() => 'done')
          .catch((error: unknown) => error);
        outcomes.set(own, outcome);
        // oxlint-disable-next-line no-await-in-loop -- a server that is down refuses at once
        if (outcome !== 'done') await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };

    const writing = Promise.all(Array.from({ length: 8 }, write));
    await eventually(() => id > 100, { what: 'writes', limitMs: 30_000 });
    await server.crash();
    await server.restart();
    const before = id;
    await eventually(() => id > before + 100, { what: 'writes after the restart', limitMs: 30_000 });
    story.isOver = true;
    await writing;

    const kept = new Set((await server.query<{ id: number }>('select id from note')).map((row) => row.id));
    const failed = [...outcomes].filter(([, outcome]) => outcome !== 'done');
    const absent = failed.filter(([, error]) => isDatabaseUnavailable(error));
    const unknown = failed.filter(([, error]) => error instanceof CommitOutcomeUnknownError);
    expect(absent.length).toBeGreaterThan(0);
    expect(failed.length - absent.length - unknown.length).toBe(0);
    expect(absent.filter(([own]) => kept.has(own))).toEqual([]);
    expect([...outcomes].filter(([own, outcome]) => outcome === 'done' && !kept.has(own))).toEqual([]);
  });
});

describe('a statement that somebody else stops', () => {
  it('rejects with the server’s own words, as its context is live', async () => {
    const { database, pool } = lab.wrap({ max: 1 });

    const asked = database.query(root, 'select pg_sleep(60) as operated').catch((error: unknown) => error);
    const pid = await lab.running('operated');
    await lab.server().query('select pg_cancel_backend($1)', [pid]);

    expect(await asked).toMatchObject({ code: '57014', message: 'canceling statement due to user request' });
    await lab.rest(database);
    expect([pool.totalCount, database.counts().dropped]).toEqual([1, 0]);
  });

  it('by a limit of its own rejects with the server’s own words', async () => {
    const { database } = lab.wrap({ statement_timeout: 50 });

    await expect(database.query(root, 'select pg_sleep(60)')).rejects.toMatchObject({
      code: '57014',
      message: 'canceling statement due to statement timeout',
    });
  });
});

describe('a network that is slow', () => {
  it('delays cancels, which still hit nobody else', { timeout: 120_000 }, async () => {
    const { database, pool, proxy } = await lab.wrapBehindProxy({ max: 2 }, { cancelGraceMs: 60_000 });
    await Promise.all([1, 2].map(() => database.read(root, 'select pg_sleep(0.1)')));
    proxy.apply(latency(15, 15));
    const wrong: unknown[] = [];

    const rounds = Array.from({ length: 40 }, async (_, round) => {
      const text = `select pg_sleep(${(round % 7) / 100})`;
      await database.read(root.withTimeout(300 + (round % 9) * 12, 'late'), text).catch((error: unknown) => {
        if (error !== 'late') wrong.push(error);
      });
      await database.read(root, 'select 1').catch((error: unknown) => wrong.push(error));
    });
    await Promise.all(rounds);
    await lab.rest(database);

    expect(wrong).toEqual([]);
    expect(database.counts()).toMatchObject({ dropped: 0 });
    expect(pool.totalCount).toBe(2);
  });

  it('that lets nothing through costs the connection, after the grace and not before', async () => {
    const { database, pool, proxy } = await lab.wrapBehindProxy({ max: 1 }, { cancelGraceMs: 300 });

    const context = root.withCancel();
    const asked = database.query(context, 'select pg_sleep(60) as silent').catch((error: unknown) => error);
    await lab.running('silent');
    proxy.apply({ toServer: { kind: 'stall' }, toClient: { kind: 'stall' } });
    const cutAt = performance.now();
    context.cancel('left');

    expect(await asked).toMatchObject({ code: 'STATEMENT_OUTCOME_UNKNOWN', cause: 'left' });
    expect(performance.now() - cutAt).toBeGreaterThan(250);
    expect(database.counts()).toMatchObject({ checkedOut: 0, dropped: 1 });
    await proxy.heal();
    proxy.reset();
    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect(pool.totalCount).toBe(1);
  });

  it('that takes no new connections makes a cancel impossible: the connection is dropped, nobody waits longer', async () => {
    const { database, proxy } = await lab.wrapBehindProxy({ max: 1 }, { cancelGraceMs: 300 });

    const context = root.withCancel();
    const asked = database.read(context, 'select pg_sleep(60) as refused').catch((error: unknown) => error);
    await lab.running('refused');
    await proxy.refuse();
    context.cancel('left');

    expect(await asked).toBe('left');
    await lab.rest(database);
    expect(database.counts()).toMatchObject({ dropped: 1 });
    await proxy.accept();
    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
  });
});

describe('a pool with no client to spare', () => {
  it('stops its statements all the same: a cancel takes no place in it', async () => {
    const { database, pool } = lab.wrap({ max: 2 });

    const asked = [1, 2].map(() => isLate(database.read(root.withTimeout(200), 'select pg_sleep(60) as full')));
    const waiting = database.query(root, 'select 1 as n');

    expect(await Promise.all(asked)).toEqual([true, true]);
    expect((await waiting).rows).toEqual([{ n: 1 }]);
    await lab.rest(database);
    expect([pool.totalCount, pool.idleCount, database.counts().dropped]).toEqual([2, 2, 0]);
  });

  it('charter G5: loses none to callers that left while they waited, 1,000 of them', async () => {
    const { database, pool } = lab.wrap({ max: 2 });
    const context = root.withCancel();

    const held = [1, 2].map(() => database.read(root, 'select pg_sleep(0.5)'));
    await new Promise(setImmediate);
    const left = Array.from({ length: 1000 }, () =>
      database.query(context, 'select 1').catch((error: unknown) => error),
    );
    await new Promise(setImmediate);
    context.cancel('left');

    expect(new Set(await Promise.all(left))).toEqual(new Set(['left']));
    await Promise.all(held);
    await lab.rest(database);
    await expect.poll(() => [pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([2, 2, 0]);
    expect(database.counts()).toMatchObject({ gaveUpWaiting: 1000, waiting: 0 });
    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
  });

  it('stops statements where the server has no connection to spare either', async () => {
    const server = await startPostgresServer({
      settings: { max_connections: '4', superuser_reserved_connections: '0' },
    });
    onTestFinished(() => server.stop());
    const pool = server.pool({ max: 3 });
    const database = sqlPool(pool, patient);
    await server.query('select 1');

    const asked = [1, 2, 3].map(() => isLate(database.read(root.withTimeout(500), 'select pg_sleep(60)')));

    expect(await Promise.all(asked)).toEqual([true, true, true]);
    await lab.rest(database);
    expect([pool.totalCount, database.counts().dropped]).toEqual([3, 0]);
  });
});

describe('a pool that is ended', () => {
  it('lets what runs come to its end, and refuses the rest with its own words', async () => {
    const { database, pool } = lab.wrap({ max: 1 });
    let ended: Promise<void> | undefined;

    const value = await database.transaction(root, async (transaction) => {
      ended = pool.end();
      await transaction.query('insert into note values (1)');
      return 'done';
    });

    expect(value).toBe('done');
    await ended;
    expect(await notes()).toEqual([1]);
    await expect(database.query(root, 'select 1')).rejects.toThrow('Cannot use a pool after calling end on the pool');
    expect(database.counts()).toMatchObject({ checkedOut: 0, waiting: 0 });
  });

  it('is ended although a statement must be stopped first', async () => {
    const { database, pool } = lab.wrap({ max: 1 });
    const context = root.withCancel();

    const asked = database.read(context, 'select pg_sleep(60) as ending').catch((error: unknown) => error);
    await lab.running('ending');
    context.cancel('left');
    await pool.end();

    expect(await asked).toBe('left');
    await isStopped('ending');
  });
});

describe('a cursor', () => {
  it('is stopped with its context, at the price of its connection', async () => {
    const { database, pool } = lab.wrap({ max: 1 });
    const context = root.withCancel();
    const client = await database.under(context).connect();
    const cursor = new Query('select pg_sleep(60) as streamed');
    const failed = new Promise((resolve) => {
      cursor.on('error', resolve);
    });

    expect(client.query(cursor)).toBe(cursor);
    await lab.running('streamed');
    context.cancel('left');

    expect(await failed).toBeInstanceOf(Error);
    await lab.rest(database);
    await isStopped('streamed');
    expect(database.counts().dropped).toBe(1);
    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
    expect(pool.totalCount).toBe(1);
  });
});

describe('a server that is killed', () => {
  it('fails what runs, and is used again when it is back', async () => {
    const server = await startPostgresServer();
    onTestFinished(() => server.stop());
    const database = sqlPool(server.pool({ max: 4 }), patient);
    const reads = Array.from({ length: 4 }, () =>
      database.read(root, 'select pg_sleep(60)').catch((error: unknown) => error),
    );
    await eventually(async () => (await server.backends()).filter(({ state }) => state === 'active').length === 4, {
      what: 'four statements',
    });

    await server.crash();
    for (const read of reads) expect(await read).toBeInstanceOf(Error);
    await expect(database.query(root, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();

    expect((await database.query(root, 'select 1 as n')).rows).toEqual([{ n: 1 }]);
    await lab.rest(database);
    expect(database.counts()).toMatchObject({ checkedOut: 0, waiting: 0, dropped: 4 });
  });
});

describe('ways to a server', () => {
  it.each([
    ['TLS', { ssl: { ca: certificate } }],
    ['TLS, begun as PostgreSQL does', { ssl: { ca: certificate }, sslnegotiation: 'postgres' as const }],
  ])('cancels over %s, as the pool connects', async (_way, config) => {
    const server = await startPostgresServer({ tls: true });
    onTestFinished(() => server.stop());
    const pool = server.pool({ max: 1, ...config });
    const database = sqlPool(pool, patient);

    await expect(database.query(root.withTimeout(300), 'select pg_sleep(60)')).rejects.toSatisfy(isTimeout);
    await lab.rest(database);

    expect([pool.totalCount, database.counts()]).toMatchObject([1, { dropped: 0, stopped: 1 }]);
  });

  it('cancels over a socket in the file system', async () => {
    const { database, pool } = lab.wrap({ host: lab.server().folder, max: 1 });

    await expect(database.query(root.withTimeout(300), 'select pg_sleep(60)')).rejects.toSatisfy(isTimeout);
    await lab.rest(database);

    expect([pool.totalCount, database.counts().dropped]).toEqual([1, 0]);
  });

  it('cancels where the address is a connection string', async () => {
    const { database, pool } = lab.wrap({
      connectionString: `postgres://postgres@127.0.0.1:${lab.server().port}/postgres`,
      max: 1,
    });

    await expect(database.query(root.withTimeout(300), 'select pg_sleep(60)')).rejects.toSatisfy(isTimeout);
    await lab.rest(database);

    expect([pool.totalCount, database.counts().dropped]).toEqual([1, 0]);
  });
});
