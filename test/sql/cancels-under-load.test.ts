import { Context } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import { type SqlPool, sqlPool } from '@holdfast/sql';
import { Client, type Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { type PostgresServer, startPostgresServer } from '../postgres-lab/postgres-server.ts';

const MAX = 8;
const CANCELS = 1000;
/** Statements last, and contexts live, up to this: so that many a cancel comes when its statement has just ended. */
const SPREAD_MS = 6;

let server: PostgresServer;
let pool: Pool;
let database: SqlPool;
let random: () => number;

beforeAll(async () => {
  server = await startPostgresServer();
  pool = server.pool({ max: MAX, idleTimeoutMillis: 0 });
  database = sqlPool(pool, { cancelGraceMs: 60_000 }); // a slow machine is no reason to drop a connection here
  random = seededRandom(20_261_126);
  await Promise.all(Array.from({ length: MAX }, () => pool.query('select pg_sleep(0.2)')));
});

afterAll(() => server.stop());

/** What came of a statement: its own value, or why not. */
type Answer = { readonly number: number } | { readonly error: unknown };

/** A statement with a deadline around its own length, and a number that must come back. */
async function victim(number: number, how: 'query' | 'read'): Promise<Answer> {
  const context = Context.background.withTimeout(random() * SPREAD_MS, `late ${number}`);
  return answerTo(database[how](context, ...sleepy(number, random() * SPREAD_MS)));
}

/** A statement without a deadline, right behind those with one: nothing may happen to it. */
async function innocent(number: number): Promise<Answer> {
  return answerTo(database.query(Context.background, ...sleepy(number, random() * 2)));
}

function sleepy(number: number, ms: number): [text: string, values: unknown[]] {
  return ['select $1::int as number from pg_sleep($2)', [number, ms / 1000]];
}

function answerTo(asked: Promise<{ readonly rows: readonly unknown[] }>): Promise<Answer> {
  return asked.then(
    ({ rows: [row] }) => row as { number: number },
    (error: unknown) => ({ error }),
  );
}

describe('1,000 statements whose contexts end, among others', () => {
  it('stops only those, and loses no connection', { timeout: 300_000 }, async () => {
    const pidsBefore = await pids();
    const wrong: unknown[] = [];
    const tally = { done: 0, told: 0, innocent: 0 };
    let number = 0;

    const endangered = async (how: 'query' | 'read'): Promise<void> => {
      while (database.counts().stopped < CANCELS) {
        const own = number++;
        const answer = await victim(own, how);
        if ('number' in answer && answer.number === own) tally.done += 1;
        else if ('error' in answer && answer.error === `late ${own}`) tally.told += 1;
        else wrong.push(answer);
      }
    };
    const safe = async (): Promise<void> => {
      while (database.counts().stopped < CANCELS) {
        const own = number++;
        const answer = await innocent(own);
        tally.innocent += 1;
        if (!('number' in answer) || answer.number !== own) wrong.push(answer);
      }
    };
    await Promise.all([
      ...Array.from({ length: 6 }, () => endangered('query')),
      ...Array.from({ length: 6 }, () => endangered('read')),
      ...Array.from({ length: 6 }, () => safe()),
    ]);
    await eventually(() => database.counts().checkedOut === 0, { what: 'rest', limitMs: 60_000 });

    expect(wrong).toEqual([]);
    expect(database.counts()).toMatchObject({ checkedOut: 0, waiting: 0, dropped: 0 });
    expect(database.counts().stopped).toBeGreaterThanOrEqual(CANCELS);
    expect(tally.told).toBeGreaterThan(CANCELS / 4);
    expect(tally.innocent).toBeGreaterThan(CANCELS / 4);
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([MAX, MAX, 0]);
    expect(await pids()).toEqual(pidsBefore);
    console.log(`cancels under load: ${JSON.stringify({ ...tally, ...database.counts() })}`);
  });

  it('is no matter of course: a cancel that is not waited for hits the next statement', async () => {
    const naive = server.pool({ max: 1 });
    const hit: unknown[] = [];
    for (let attempt = 0; attempt < 200; attempt++) {
      const client = await naive.connect();
      const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
      await client.query('select 1');
      cancelWithoutWaiting(processID, secretKey);
      client.release();
      await naive.query('select pg_sleep(0.02)').catch((error: unknown) => hit.push(error));
    }

    console.log(`a cancel that is not waited for hit ${hit.length} of 200`);
    expect(hit.length).toBeGreaterThan(0);
    expect(hit[0]).toMatchObject({ code: '57014' });
  });
});

/** Whose connections the pool has. */
async function pids(): Promise<number[]> {
  return (await server.backends()).map(({ pid }) => pid);
}

function cancelWithoutWaiting(processId: number, secret: number): void {
  const { connection } = new Client(server.address) as unknown as {
    connection: {
      connect(port: number, host: string): void;
      cancel(processId: number, secret: number): void;
      on(event: string, listener: () => void): void;
    };
  };
  connection.on('connect', () => connection.cancel(processId, secret));
  connection.on('error', () => {});
  connection.connect(server.port, server.host);
}
