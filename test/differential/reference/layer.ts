/**
 * Layer: how the reference composes. A layer is an async function around an async function; each makes its own promise.
 *
 * @module
 */

import type { AnyPolicy, CallContext, OwnPolicy, Work } from '../side.ts';
import { ReferenceContext } from './context.ts';

/** Runs work under some layers. */
export type Run = (work: Work, context: ReferenceContext) => Promise<unknown>;

/** A policy of the reference. */
export interface ReferencePolicy extends OwnPolicy {
  readonly around: (inner: Run) => Run;
}

/** Makes a policy of what it puts around a run. */
export function toPolicy(
  name: string,
  around: (inner: Run) => Run,
  extras: Pick<OwnPolicy, 'statistics' | 'reset'> & Partial<Pick<ReferencePolicy, 'execute'>>,
): ReferencePolicy {
  return { name, around, execute: (work, context) => start(around(runWork), work, context), ...extras };
}

/** Runs the work itself, until it settles or its context ends. */
export const runWork: Run = async (work, context) => {
  const result = work(context);
  return isThenable(result) ? untilEnd(Promise.resolve(result), context) : result;
};

/** Puts any policy around a run: one of the reference's, or one that only has `execute`. */
export function aroundOf(policy: AnyPolicy): (inner: Run) => Run {
  if ('around' in policy) return (policy as ReferencePolicy).around;
  return (inner) => (work, context) =>
    runWork(() => policy.execute((own) => start(inner, work, own ?? context), context), context);
}

/** Runs work, unless its context has ended. */
export function start(run: Run, work: Work, context: CallContext = anyContext()): Promise<unknown> {
  if (context.cancelled) return Promise.reject(context.cause);
  return run(work, context as ReferenceContext);
}

/** The context of a caller that passes none. */
export function anyContext(): ReferenceContext {
  return new ReferenceContext(NO_CLOCK);
}

// --- internal ---

/** For contexts without a deadline. */
const NO_CLOCK = { now: () => 0, setTimer: () => ({ cancel: () => {}, ref: () => {}, unref: () => {} }) };

function untilEnd(promise: Promise<unknown>, context: ReferenceContext): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const unhook = context.whileWaiting(reject);
    promise.then(resolve, reject).finally(unhook);
  });
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
