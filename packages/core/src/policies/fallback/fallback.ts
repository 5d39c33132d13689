/**
 * Fallback: answers with something else when the operation fails.
 *
 * Put it outermost: inside a retry or a breaker it would hide failures from them. Do not use it where a wrong answer is
 * worse than none.
 *
 *   operation ── value ─────────────────────────────► value
 *       └─────── error ── handled, context live ────► substitute ── error ─► FallbackError
 *                  └───── not handled, context ended ► error
 *
 * Invariants
 *  (1) The substitute is asked at most once per call, and only for an error that `handles` accepts.
 *  (2) It is not asked when the context has ended: nobody waits for the answer.
 *  (3) If the substitute fails, the operation's error is not lost: it is the `cause`.
 *
 * @module
 */

import { isCancelled } from '../../kernel/cancellation.ts';
import { UNREAD } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import { ResilienceError, nameErrorClass } from '../../kernel/errors.ts';
import { type Events, silence } from '../../kernel/events.ts';
import { askHook } from '../../kernel/hooks.ts';
import { ConfigError, isFunction, isName, withDefaults } from '../../kernel/options.ts';
import { type Handler, type Sink, invoke } from '../../kernel/handler.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';

/** Options of {@link fallback}. Omitted ones take {@link fallbackDefaults}. Exactly one of `value` and `substitute` is needed. */
export interface FallbackOptions<F> extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'fallback' */
  readonly name?: string;
  /** The answer in place of an error. */
  readonly value?: F;
  /** Makes the answer in place of an error. It runs under the call's context, and should be cheap and local. */
  readonly substitute?: (error: unknown, context: Context) => F | PromiseLike<F>;
  /**
   * Whether an error is answered at all. By default every error but the caller's cancellation. If it throws, that is
   * reported and the default rule decides.
   */
  readonly handles?: (error: unknown, context: Context) => boolean;
}

/** Every default of {@link fallback}, in one place. */
export const fallbackDefaults: {
  readonly name: string;
  readonly handles: (error: unknown, context: Context) => boolean;
} = Object.freeze({
  name: 'fallback',
  handles: (error: unknown) => !isCancelled(error),
});

/** A fallback stood in for an error. */
export interface FallbackUsedEvent {
  readonly type: 'fallback.used';
  readonly policy: 'fallback';
  readonly name: string;
  /** The error that was answered. */
  readonly error: unknown;
}

/** A fallback policy. */
export interface Fallback<F> extends LayeredPolicy<F> {
  /** How many errors it has answered, or tried to, since it was created. */
  readonly usedCount: number;
}

/** The operation failed, and then the substitute failed as well. */
export class FallbackError extends ResilienceError {
  readonly code = 'FALLBACK_FAILED';
  /** What the substitute threw; `cause` is the operation's error. */
  readonly fallbackError: unknown;

  constructor(policy: string, error: unknown, fallbackError: unknown) {
    super(`${policy} failed after the operation had failed`, { policy, cause: error });
    this.fallbackError = fallbackError;
  }
}

/**
 * Creates a fallback policy. It holds no state but counters: one instance may serve any number of calls.
 *
 * @throws ConfigError at creation, unless exactly one of `value` and `substitute` is given.
 * @throws FallbackError from execute, when the substitute fails; its `cause` is the operation's error.
 * @throws the operation's error from execute, unchanged, when `handles` refuses it or the context has ended.
 *
 * @example
 * ```ts
 * const prices = fallback({ value: [] as Price[] });
 * ```
 */
export function fallback<F>(options: FallbackOptions<F>): Fallback<F> {
  const rule: Rule = { ...resolve(options), usedCount: 0 };
  const layer =
    (inner: Handler): Handler =>
    (operation, context, sink, now) =>
      inner(operation, context, new FallbackCall(rule, context, sink), now);
  const policy = createPolicy<F>({ kind: 'fallback', name: rule.name, layer });
  return Object.defineProperty(policy, 'usedCount', { get: () => rule.usedCount }) as Fallback<F>;
}

// --- internal ---

nameErrorClass(FallbackError, 'FallbackError');

/** What the calls through one policy share. */
interface Rule {
  readonly name: string;
  readonly substitute: (error: unknown, context: Context) => unknown;
  readonly handles: (error: unknown, context: Context) => boolean;
  readonly events: Events;
  usedCount: number;
}

function resolve<F>(options: FallbackOptions<F>): Omit<Rule, 'usedCount'> {
  const resolved = withDefaults('fallback', fallbackDefaults, options, ['value', 'substitute']);
  isName('fallback.name', resolved.name);
  isFunction('fallback.handles', resolved.handles);
  const { value } = options; // undefined is an answer, unless a substitute says otherwise
  const hasValue = value !== undefined || (Object.hasOwn(options, 'value') && resolved.substitute === undefined);
  if (hasValue === (resolved.substitute !== undefined)) {
    throw new ConfigError('fallback', 'given exactly one of value and substitute', hasValue ? 'both' : 'neither');
  }
  if (!hasValue) isFunction('fallback.substitute', resolved.substitute);
  return {
    name: resolved.name,
    handles: resolved.handles,
    substitute: resolved.substitute ?? (() => value),
    events: resolved.events ?? silence,
  };
}

class FallbackCall implements Sink {
  readonly rule: Rule;
  readonly context: Context;
  readonly sink: Sink;

  constructor(rule: Rule, context: Context, sink: Sink) {
    this.rule = rule;
    this.context = context;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    if (this.handles(error)) this.substitute(error, true);
    else this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    if (this.handles(error)) this.substitute(error, false);
    else this.sink.refuse(error, now);
  }

  private handles(error: unknown): boolean {
    const { rule, context } = this;
    if (context.cancelled) return false; // (2)
    const ask = (): unknown => rule.handles(error, context);
    return askHook('handles', rule.name, ask, () => fallbackDefaults.handles(error, context));
  }

  private substitute(error: unknown, hasRun: boolean): void {
    const { rule, context } = this;
    rule.usedCount++; // (1)
    if (rule.events.active) {
      const event: FallbackUsedEvent = { type: 'fallback.used', policy: 'fallback', name: rule.name, error };
      rule.events.emit(event);
    }
    const substitute = (own: Context): unknown => rule.substitute(error, own);
    invoke(substitute, context, new SubstituteCall(this, error, hasRun), UNREAD);
  }
}

/** Receives the outcome of the substitute. */
class SubstituteCall implements Sink {
  readonly call: FallbackCall;
  /** Why the substitute was asked. */
  readonly error: unknown;
  /** Whether the operation was run before. */
  readonly hasRun: boolean;

  constructor(call: FallbackCall, error: unknown, hasRun: boolean) {
    this.call = call;
    this.error = error;
    this.hasRun = hasRun;
  }

  resolve(value: unknown, now: number): void {
    this.call.sink.resolve(value, now);
  }

  reject(fallbackError: unknown, now: number): void {
    const { rule, context } = this.call;
    const { cause } = context;
    this.fail(cause ?? new FallbackError(rule.name, this.error, fallbackError), now); // (3)
  }

  refuse(cause: unknown, now: number): void {
    this.fail(cause, now); // the context ended before the substitute was asked
  }

  private fail(error: unknown, now: number): void {
    if (this.hasRun) this.call.sink.reject(error, now);
    else this.call.sink.refuse(error, now);
  }
}
