/**
 * Async context: how an operation that is started later, in somebody else's turn, still runs in the async context of the call
 * that it belongs to. Core imports nothing of Node's, so what captures a context is handed in: `AsyncLocalStorage.snapshot`.
 *
 * A policy needs this wherever it starts user code in a turn that may belong to another call: from a queue, when another call
 * gives its place up; after a shared timer fired. A timer set during the call itself keeps the context by itself.
 *
 * @module
 */

import type { Operation } from './handler.ts';

/**
 * Captures the async context of now, and returns what runs a function in it. `AsyncLocalStorage.snapshot` of `node:async_hooks`
 * is one.
 */
export type CaptureAsyncContext = () => <R>(fn: () => R) => R;

/** Returns `operation` bound to the async context of now; unbound where there is nothing to capture with. */
export function bindAsyncContext(operation: Operation, capture: CaptureAsyncContext | undefined): Operation {
  if (capture === undefined) return operation;
  const runInContext = capture();
  return (context) => runInContext(() => operation(context));
}
