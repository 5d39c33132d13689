/**
 * Hooks: how a throw from the user's own functions (listeners, predicates, key and delay functions) is contained.
 *
 * A hook that throws never changes what the caller of a policy gets. It is not silent either: the error goes to the
 * handler set with `onHookError`, by default to `console.error`.
 *
 * @module
 */

import { HookError } from './errors.ts';

/** Receives the errors of hooks. Must not throw; what it throws is dropped. */
export type HookErrorHandler = (error: HookError) => unknown;

/** Reports that `hook` of the policy named `policy` threw `error`. Never throws. */
export function reportHookError(hook: string, error: unknown, policy?: string): void {
  try {
    const details = policy === undefined ? { cause: error } : { cause: error, policy };
    ignoreRejection(handler(new HookError(hook, details)));
  } catch {
    // The handler of last resort failed as well; the call in hand still matters more.
  }
}

/**
 * Asks a hook that answers yes or no. A throw, or an answer that is neither (a promise, of an async function), is reported,
 * and `otherwise` answers. Never throws.
 */
export function askHook(hook: string, policy: string, ask: () => unknown, otherwise: () => boolean): boolean {
  try {
    const answer = ask();
    if (typeof answer === 'boolean') return answer;
    ignoreRejection(answer);
    throw new TypeError(`${hook} must return true or false, got ${typeof answer}`);
  } catch (error) {
    reportHookError(hook, error, policy);
    return otherwise();
  }
}

/** Calls a hook whose answer nobody needs, and waits for nothing: a throw and a later rejection are reported. Never throws. */
export function callHook(hook: string, policy: string | undefined, call: () => unknown): void {
  try {
    const promised = call();
    if (promised instanceof Promise) promised.catch((error: unknown) => reportHookError(hook, error, policy));
  } catch (error) {
    reportHookError(hook, error, policy);
  }
}

/** Takes note of a promise that nobody waits for, so that its rejection is not left unhandled. */
export function ignoreRejection(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}

/**
 * Sets where errors of hooks go, for the whole process; undefined brings back the default, `console.error`. Returns the
 * handler that was set before.
 */
export function onHookError(next: HookErrorHandler | undefined): HookErrorHandler {
  const before = handler;
  handler = next ?? logHookError;
  return before;
}

// --- internal ---

let handler: HookErrorHandler = logHookError;

function logHookError(error: HookError): void {
  // oxlint-disable-next-line no-console -- the last resort: a failing hook must not be silent
  console.error(`[holdfast] ${error.message}`, error.cause);
}
