/**
 * Operation table: every way in which an operation can end, and how a call is watched while it runs.
 *
 * The unit test of each policy runs this table.
 *
 * @module
 */

import type { Clock } from '../kernel/clock.ts';
import type { Context } from '../kernel/context.ts';

/** How a call stands: not settled yet, or with its value or error. */
export type Standing =
  | { readonly status: 'pending' }
  | { readonly status: 'fulfilled'; readonly value: unknown }
  | { readonly status: 'rejected'; readonly error: unknown };

/** One way to end, and what the caller must see. */
export interface OperationCase {
  readonly title: string;
  readonly operation: () => unknown;
  readonly expected: Standing;
}

/** The ways in which an operation can end, asynchronously or not. */
export function operationTable(): readonly OperationCase[] {
  const value = { some: 'value' };
  const error = new Error('some error');
  return [
    returning('a value', value, value),
    returning('undefined', undefined, undefined),
    returning('null', null, null),
    returning(
      'a thenable',
      thenable((resolve) => resolve(value)),
      value,
    ),
    returning('a native promise', Promise.resolve(value), value),
    failing('throws an error synchronously', () => raise(error), error),
    failing('throws undefined', () => raise(undefined), undefined),
    failing('throws a string', () => raise('oops'), 'oops'),
    failing('rejects', () => Promise.reject(error), error),
    failing('rejects with undefined', () => Promise.reject(), undefined),
    failing('returns a thenable that rejects', () => thenable((_resolve, reject) => reject(error)), error),
    failing('returns a thenable whose then throws', () => thenable(() => raise(error)), error),
  ];
}

/** Watches a call without waiting for it. Read the returned function's result whenever it matters. */
export function observe(call: Promise<unknown>): () => Standing {
  let standing: Standing = { status: 'pending' };
  call.then(
    (value) => (standing = { status: 'fulfilled', value }),
    (error: unknown) => (standing = { status: 'rejected', error }),
  );
  return () => standing;
}

/** Waits for a call and says how it ended. */
export async function settled(call: Promise<unknown>): Promise<Standing> {
  try {
    return { status: 'fulfilled', value: await call };
  } catch (error) {
    return { status: 'rejected', error };
  }
}

/** Resolves with `value` after `ms` milliseconds on `clock`. */
export function after<T>(clock: Clock, ms: number, value: T): Promise<T> {
  return new Promise((resolve) => void clock.setTimer(() => resolve(value), ms));
}

/** How one copy goes: when it settles, and with what; an `Error` is thrown. */
export type Step = readonly [takesMs: number, outcome: unknown];

/** What {@link scripted} makes. */
export interface Scripted {
  readonly run: (context: Context) => Promise<unknown>;
  readonly contexts: readonly Context[];
  readonly startedAt: readonly number[];
}

/** An operation whose copies go as `steps` say, and that notes when they start and with which contexts. */
export function scripted(clock: Clock, ...steps: readonly Step[]): Scripted {
  const contexts: Context[] = [];
  const startedAt: number[] = [];
  const run = async (context: Context): Promise<unknown> => {
    const [takesMs, outcome] = steps[startedAt.length] ?? [Infinity, undefined];
    contexts.push(context);
    startedAt.push(clock.now());
    await after(clock, takesMs, undefined);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
  return { run, contexts, startedAt };
}

/** An operation that counts its runs and gives their number. */
export function counter(): (() => number) & { runs: number } {
  const count = Object.assign((): number => ++count.runs, { runs: 0 });
  return count;
}

/** What {@link byHand} makes. */
export interface ByHand {
  readonly run: (context: Context) => Promise<unknown>;
  readonly contexts: readonly Context[];
  /** Settles the latest run. */
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** An operation that is settled by hand. */
export function byHand(): ByHand {
  const contexts: Context[] = [];
  const hand: ByHand = {
    contexts,
    resolve: () => {},
    reject: () => {},
    run: (context) => {
      contexts.push(context);
      return new Promise((resolve, reject) => {
        hand.resolve = resolve;
        hand.reject = reject;
      });
    },
  };
  return hand;
}

/** What {@link alwaysFailing} makes. */
export interface AlwaysFailing {
  readonly run: () => Promise<never>;
  readonly startedAt: readonly number[];
}

/** An operation that always fails with `error`, and notes when it ran. */
export function alwaysFailing(clock: Clock, error: unknown): AlwaysFailing {
  const startedAt: number[] = [];
  const run = (): Promise<never> => {
    startedAt.push(clock.now());
    return Promise.reject(error);
  };
  return { run, startedAt };
}

/** An operation that never ends. */
export function never(): Promise<never> {
  return new Promise<never>(() => {});
}

// --- internal ---

type Settler = (outcome: unknown) => void;

function returning(what: string, result: unknown, value: unknown): OperationCase {
  return { title: `returns ${what}`, operation: () => result, expected: { status: 'fulfilled', value } };
}

function failing(title: string, operation: () => unknown, error: unknown): OperationCase {
  return { title, operation, expected: { status: 'rejected', error } };
}

function thenable(run: (resolve: Settler, reject: Settler) => void): PromiseLike<unknown> {
  // oxlint-disable-next-line unicorn/no-thenable -- the point of it
  return { then: run } as PromiseLike<unknown>;
}

function raise(thrown: unknown): never {
  throw thrown;
}
