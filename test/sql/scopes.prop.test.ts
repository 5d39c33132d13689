import { type CancellableContext, Context } from '@holdfast/core';
import type { SqlPool, SqlTransaction } from '@holdfast/sql';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { sleep } from '../redis-lab/eventually.ts';
import { databaseLab } from './database-lab.ts';

const lab = databaseLab('create table note (id int primary key)');

/** How a scope ends: well, or undone. */
type End =
  | { readonly kind: 'return' | 'throw' }
  /** Its context, or that of a scope so many levels up, is cancelled while its work waits elsewhere, for ever. */
  | { readonly kind: 'cancelled'; readonly levels: number }
  /** Its context is cancelled while it runs a statement. */
  | { readonly kind: 'stopped'; readonly afterMs: number }
  /** A statement of it fails, and its work goes on as if nothing were. */
  | { readonly kind: 'swallows' };

interface Scope {
  readonly steps: readonly Step[];
  readonly end: End;
  /** Whether its context is derived from that of the scope around it. */
  readonly isDerived: boolean;
}
type Step = { readonly insert: number } | Scope;

const ends = fc.oneof<fc.MaybeWeightedArbitrary<End>[]>(
  { weight: 4, arbitrary: fc.constant({ kind: 'return' }) },
  fc.constant({ kind: 'throw' }),
  fc.record({ kind: fc.constant('cancelled' as const), levels: fc.nat(2) }),
  fc.record({ kind: fc.constant('stopped' as const), afterMs: fc.nat(4) }),
  fc.constant({ kind: 'swallows' }),
);

function scopes(depth: number): fc.Arbitrary<Scope> {
  const insert = fc.constant({ insert: 0 });
  const step: fc.Arbitrary<Step> = depth === 0 ? insert : fc.oneof(insert, insert, scopes(depth - 1));
  return fc.record({ steps: fc.array(step, { maxLength: 4 }), end: ends, isDerived: fc.boolean() });
}

/** Gives every insert of a plan a number of its own. */
function numbered(scope: Scope, next: () => number): Scope {
  const steps = scope.steps.map((step) => ('insert' in step ? { insert: next() } : numbered(step, next)));
  return { ...scope, steps };
}

/** The naive model: a scope works on a copy of the rows, which counts only if it ends well. Else: up to which depth is undone. */
function expected(scope: Scope, before: ReadonlySet<number>, depth = 0): Set<number> | { readonly undoneTo: number } {
  let rows = new Set(before);
  for (const step of scope.steps) {
    if ('insert' in step) {
      rows.add(step.insert);
      continue;
    }
    const outcome = expected(step, rows, depth + 1);
    if (outcome instanceof Set) rows = outcome;
    else if (outcome.undoneTo <= depth) return outcome;
  }
  if (scope.end.kind === 'return') return rows;
  return { undoneTo: scope.end.kind === 'cancelled' ? depth - Math.min(scope.end.levels, depth) : depth };
}

async function play(database: SqlPool, plan: Scope): Promise<boolean> {
  const context = Context.background.withCancel();
  return database
    .transaction(context, (transaction) => act(transaction, plan, [context]))
    .then(
      () => true,
      () => false,
    );
}

async function act(scope: SqlTransaction, plan: Scope, contexts: readonly CancellableContext[]): Promise<void> {
  for (const step of plan.steps) {
    if ('insert' in step) {
      await scope.query('insert into note values ($1)', [step.insert]);
      continue;
    }
    const context = (step.isDerived ? scope.context : Context.background).withCancel();
    await scope.savepoint(context, (inner) => act(inner, step, [...contexts, context])).catch(() => {});
    if (contexts.some(({ cancelled }) => cancelled))
      throw new Error('it is over, and so this work ends nothing any more');
  }
  await end(scope, plan.end, contexts);
}

async function end(scope: SqlTransaction, how: End, contexts: readonly CancellableContext[]): Promise<void> {
  switch (how.kind) {
    case 'return':
      return;
    case 'throw':
      throw new Error('mine');
    case 'cancelled':
      contexts.at(Math.max(-contexts.length, -1 - how.levels))?.cancel('ended');
      return new Promise(() => {});
    case 'stopped':
      void sleep(how.afterMs).then(() => contexts.at(-1)?.cancel('ended'));
      return void (await scope.query('select pg_sleep(60)'));
    case 'swallows':
      return void (await scope.query('select 1 / 0').catch(() => {}));
    default:
      return how satisfies never;
  }
}

describe('scopes, as random trees on a real server', () => {
  it('leave exactly the rows of those that ended well, and nothing of the others', { timeout: 300_000 }, async () => {
    const { database, pool } = lab.wrap({ max: 1 }, { cancelGraceMs: 60_000 });
    let played = 0;
    let committed = 0;

    const property = fc.asyncProperty(scopes(3), async (tree) => {
      await lab.server().query('truncate note');
      let last = 0;
      const plan = numbered(tree, () => (last += 1));
      const isDone = await play(database, plan);
      await lab.rest(database);

      const rows = await lab.server().query<{ id: number }>('select id from note order by id');
      const outcome = expected(plan, new Set());
      const stayed = outcome instanceof Set ? [...outcome].toSorted((a, b) => a - b) : [];
      expect([isDone, rows.map(({ id }) => id)]).toEqual([outcome instanceof Set, stayed]);
      expect([pool.totalCount, pool.idleCount]).toEqual([1, 1]);
      played += 1;
      if (isDone && stayed.length > 0) committed += 1;
    });
    await fc.assert(property, { numRuns: 200 });

    expect(database.counts().dropped).toBe(0);
    expect(played).toBeGreaterThanOrEqual(200);
    expect(committed).toBeGreaterThan(20);
  });
});
