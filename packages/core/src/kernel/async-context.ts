/**
 * Async context: how an operation that is started later, in somebody else's turn, still runs in the async context of the call
 * that it belongs to. Core imports nothing of Node's, so what captures a context is handed in: `AsyncLocalStorage.snapshot`.
 *
 * A policy needs this wherever it starts user code in a turn that may belong to another call: from a queue, when another call
 * gives its place up; after a shared timer fired. A timer set during the call itself keeps the context by itself.
 *
 * Invariants
 *  (1) What is captured with is not trusted: if it throws, or does not run the function, that is reported, and the function
 *      runs nevertheless, in the async context of the turn. It runs once, whatever happens.
 *
 * @module
 */

import type { Operation } from './handler.ts';
import { reportHookError } from './hooks.ts';

/**
 * Captures the async context of now, and returns what runs a function in it. `AsyncLocalStorage.snapshot` of `node:async_hooks`
 * is one.
 */
export type CaptureAsyncContext = () => <R>(fn: () => R) => R;

/** Runs a function in an async context that was captured, and returns what it returns. */
export type RunInAsyncContext = <R>(fn: () => R) => R;

/**
 * Captures the async context of now. Undefined where there is nothing to capture with, or where that fails, which is reported.
 * What comes back throws nothing but what the function throws.
 */
export function captureWith(capture: CaptureAsyncContext | undefined, policy?: string): RunInAsyncContext | undefined {
  if (capture === undefined) return undefined;
  try {
    const run: unknown = capture();
    if (typeof run !== 'function') throw new TypeError(`captureAsyncContext must return a function, got ${typeof run}`);
    return (fn) => runOnce(run as RunInAsyncContext, fn, policy);
  } catch (error) {
    report(error, policy);
    return undefined;
  }
}

/**
 * Returns `operation` bound to the async context of now; unbound where there is nothing to capture with, or where that fails,
 * which is reported as an error of the policy named `policy`.
 */
export function bindAsyncContext(
  operation: Operation,
  capture: CaptureAsyncContext | undefined,
  policy?: string,
): Operation {
  const runInContext = captureWith(capture, policy);
  return runInContext === undefined ? operation : (context) => runInContext(() => operation(context));
}

// --- internal ---

/** What became of a function. */
interface Run<R> {
  value: R | undefined;
  error: unknown;
  hasThrown: boolean;
}

function runOnce<R>(runInContext: RunInAsyncContext, fn: () => R, policy: string | undefined): R {
  let run: Run<R> | undefined;
  const once = (): void => {
    run ??= outcomeOf(fn);
  };
  try {
    runInContext(once);
    if (run === undefined) throw new TypeError('what captureAsyncContext returned did not run the function');
  } catch (error) {
    report(error, policy);
    once(); // (1)
  }
  return take(run as unknown as Run<R>);
}

function outcomeOf<R>(fn: () => R): Run<R> {
  try {
    return { value: fn(), error: undefined, hasThrown: false };
  } catch (error) {
    return { value: undefined, error, hasThrown: true };
  }
}

function take<R>({ value, error, hasThrown }: Run<R>): R {
  if (hasThrown) throw error;
  return value as R;
}

function report(error: unknown, policy: string | undefined): void {
  reportHookError('captureAsyncContext', error, policy);
}
