/**
 * Errors: the base of every error that Holdfast makes, and how to recognise them.
 *
 * Recognise an error by its `code` or with the guards here, not by `instanceof`: the guards also know errors of another
 * copy of the library.
 *
 * Invariants
 *  (1) Our errors carry no stack frames: a rejection must be cheap, and the frames would all be ours.
 *  (2) A rejection means that the operation did not run.
 *  (3) The caller's error is never wrapped, copied or changed.
 *  (4) An error is an `Error` by its prototypes, and a rejection by nothing else: the platform's constructor, most of what a
 *      refusal would cost, does not make it. It reads and prints as any other.
 *
 * @module
 */

/** What every error of ours tells besides its message. */
export interface ResilienceErrorDetails {
  /** Name of the policy that made the error, if a policy made it. */
  readonly policy?: string;
  /** Milliseconds after which trying again makes sense, where that is known. */
  readonly retryAfterMs?: number | undefined;
  /** What led to this error. */
  readonly cause?: unknown;
}

/** Base of all errors that Holdfast makes. Tell them apart by `code`. */
export abstract class ResilienceError extends Error {
  /** Stable, literal name of what happened; part of the public contract. */
  abstract readonly code: string;
  /** Name of the policy that made the error; undefined where no policy did. */
  readonly policy: string | undefined;
  /** Milliseconds after which trying again makes sense; undefined where nothing is known. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, details: ResilienceErrorDetails = {}) {
    const limit = v8Error.stackTraceLimit;
    const hasNoStack = limit !== undefined && setStackTraceLimit(undefined); // (1): with 0 the frames would be walked
    if (details.cause === undefined) super(message);
    else super(message, { cause: details.cause });
    if (hasNoStack) setStackTraceLimit(limit);
    if (hasNoStack || this.stack === undefined) this.stack = `${this.name}: ${message}`; // reading it costs as well
    this.policy = details.policy;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/**
 * Base of the errors by which a policy refuses to run the operation. It did not run, so it says nothing about the dependency.
 *
 * Rejections come by the thousand when things are bad, so they are made as plain objects are: `instanceof Error`, with
 * `message` and `stack`, but none to `Error.isError`, and `structuredClone` makes a plain object of them.
 */
export abstract class RejectionError extends ResilienceError {}

/**
 * A user's hook (a listener, `classify`, `delayMs`, ...) threw, and the call went on without it; or something failed that has no
 * caller to tell, as a job in the background or a handler of a request. The error itself is `cause`.
 */
export class HookError extends ResilienceError {
  readonly code = 'HOOK_FAILED';
  /** What threw: the option's or method's name, `classify`, `isRetryable`, `onCancel`, or `listener`; `policy` says whose. */
  readonly hook: string;

  constructor(hook: string, details: ResilienceErrorDetails) {
    super(`${hook}${whose(details.policy)} failed, and no caller is told of it`, details);
    this.hook = hook;
  }
}

/** Whether `error` was made by Holdfast, this copy or another. Never throws. */
export function isResilienceError(error: unknown): error is ResilienceError {
  return hasBrand(error, RESILIENCE_BRAND);
}

/** Whether `error` means that a policy refused to run the operation. Never throws. */
export function isRejection(error: unknown): error is RejectionError {
  return hasBrand(error, REJECTION_BRAND);
}

/** The message of whatever was thrown, as a text. Never throws, also where that has none. */
export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return `a thrown ${typeof error} that has no text`;
  }
}

/** Sets what all instances of an error class share: its `name` and, where it needs one, its brand. */
export function nameErrorClass(errorClass: { readonly prototype: Error }, name: string): void {
  Object.defineProperty(errorClass.prototype, 'name', { value: name, configurable: true, writable: true });
}

/** Marks an error class that cannot extend {@link ResilienceError}, so that the guards know it. */
export function markAsResilienceError(errorClass: { readonly prototype: Error }): void {
  Object.defineProperty(errorClass.prototype, RESILIENCE_BRAND, { value: true });
}

// --- internal ---

const RESILIENCE_BRAND = Symbol.for('@holdfast/resilience-error');
const REJECTION_BRAND = Symbol.for('@holdfast/rejection-error');

/** What `super()` runs for a rejection, where any other error of ours has the platform's constructor. */
class PlainError {
  message: string;
  /** A property of its own, since Node.js takes that for the mark of an error when nobody handles it. */
  stack: string;
  readonly policy: string | undefined;
  readonly retryAfterMs: number | undefined;
  declare readonly name: string;

  constructor(message: string, details: ResilienceErrorDetails = {}) {
    this.message = message;
    this.stack = `${this.name}: ${message}`;
    this.policy = details.policy;
    this.retryAfterMs = details.retryAfterMs;
    if (details.cause !== undefined) defineHidden(this, 'cause', details.cause);
  }
}

/** For `console.log`: some versions of Node.js would print what {@link Object.prototype.toString} says beside the name. */
function printAsError(this: Error, _depth: unknown, options: object, inspect: Inspect): string {
  return inspect(this, { ...options, customInspect: false }).replace(`${this.name} [Error]`, this.name);
}

type Inspect = (value: unknown, options: object) => string;

function defineHidden(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true });
}

Object.setPrototypeOf(PlainError, ResilienceError); // for what classes inherit, as `captureStackTrace`
Object.setPrototypeOf(RejectionError, PlainError); // (4)
defineHidden(RejectionError.prototype, 'message', ''); // else where Error.prototype is frozen, none could be set
defineHidden(RejectionError.prototype, Symbol.toStringTag, 'Error');
defineHidden(RejectionError.prototype, Symbol.for('nodejs.util.inspect.custom'), printAsError);

markAsResilienceError(ResilienceError);
Object.defineProperty(RejectionError.prototype, REJECTION_BRAND, { value: true });
nameErrorClass(HookError, 'HookError');

function whose(policy: string | undefined): string {
  return policy === undefined ? '' : ` of ${policy}`;
}

function hasBrand(error: unknown, brand: symbol): boolean {
  try {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[brand] === true;
  } catch {
    return false; // a hostile proxy or getter
  }
}

/** V8's knob, where there is one. */
const v8Error = Error as { stackTraceLimit?: number | undefined };

/** Returns whether the limit could be set. With frozen intrinsics it cannot: the error keeps its stack, nothing else changes. */
function setStackTraceLimit(limit: number | undefined): boolean {
  try {
    v8Error.stackTraceLimit = limit;
    return true;
  } catch {
    return false;
  }
}
