import { AsyncLocalStorage } from 'node:async_hooks';

import { Context, contextKey } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import { expect, it } from 'vitest';

import { databaseLab } from './database-lab.ts';

const lab = databaseLab('select 1');
const JOBS = 100_000;
const AT_ONCE = 200;

const user = contextKey<number>('user');
const ambient = new AsyncLocalStorage<number>();

it('charter R3: 100,000 interleaved jobs over one pool see their own values only', { timeout: 600_000 }, async () => {
  const { database, pool } = lab.wrap({ max: 6 }, { cancelGraceMs: 120_000 });
  const bound = database.under(() => Context.background.withValue(user, ambient.getStore() ?? -1));
  const random = seededRandom(6);
  const wrong: unknown[] = [];
  let done = 0;
  let ended = 0;

  /** What a job sees of itself at a place of the work: all must be its own number. */
  const see = (job: number, where: string, ...seen: unknown[]): void => {
    const all = [ambient.getStore(), ...seen];
    if (all.some((value) => value !== job)) wrong.push({ job, where, all });
  };
  const inTransaction = async (job: number, context: Context): Promise<void> => {
    const settings = { 'app.user': `${job}` };
    await database.transaction(
      context,
      async (transaction) => {
        see(job, 'work', transaction.context.value(user));
        const { rows } = await transaction.query<{ is: string }>(`select current_setting('app.user') as is`);
        see(job, 'setting', Number(rows[0]?.is));
        await transaction.savepoint(transaction.context.withCancel(), async (savepoint) => {
          see(job, 'savepoint', savepoint.context.value(user));
          await savepoint.query('select 1');
          see(job, 'in the savepoint');
        });
      },
      { settings },
    );
  };
  const plain = async (job: number, context: Context): Promise<void> => {
    const { rows } = await database.query<{ is: number; setting: string | null }>(
      context,
      `select $1::int as is, current_setting('app.user', true) as setting`,
      [job],
    );
    see(job, 'value', rows[0]?.is, context.value(user));
    if ((rows[0]?.setting ?? '') !== '') wrong.push({ job, left: rows[0]?.setting });
  };
  const throughBound = async (job: number): Promise<void> => {
    const { rows } = await bound.query('select $1::int as is', [job]);
    see(job, 'bound', rows[0]?.['is']);
  };
  const stopped = async (job: number, context: Context): Promise<void> => {
    const cause = { job };
    await database.read(context.withTimeout(random() * 5, cause), 'select pg_sleep(0.004)').catch((error: unknown) => {
      ended += 1;
      see(job, 'cause', (error as typeof cause).job);
    });
  };
  const run = async (job: number): Promise<void> => {
    const context = Context.background.withValue(user, job);
    const kind = job % 50;
    if (kind === 0) await stopped(job, context);
    else if (kind < 4) await inTransaction(job, context);
    else if (kind < 15) await throughBound(job);
    else await plain(job, context);
    see(job, 'after');
    done += 1;
  };

  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < JOBS) {
      const job = next++;
      await ambient.run(job, () => run(job));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await lab.rest(database);

  expect(wrong).toEqual([]);
  expect(done).toBe(JOBS);
  expect(ended).toBeGreaterThan(100);
  expect([pool.totalCount, database.counts().dropped]).toEqual([6, 0]);
});
