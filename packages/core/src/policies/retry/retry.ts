/**
 * Retry: runs an operation again when it fails in a way that may pass.
 *
 * Use it for short, transient faults of idempotent work. Do not use it alone against overload: retries multiply load.
 *
 *   try ── value ────────────────────────────────────────► value
 *    ▲ └── error ── last try, not retryable, no time left ► that error
 *    │       └───── otherwise ─► wait ── context ends ────► its cause
 *    └────────────────────────────┘ delay over
 *
 * Invariants
 *  (1) The operation runs at most `maxAttempts` times.
 *  (2) No try starts once the context has ended.
 *  (3) A wait that would reach the deadline is not begun: the error comes back at once.
 *  (4) A wait ends as soon as the context does.
 *  (5) The last error comes back by identity.
 *
 * @module
 */

import { isCancelled } from '../../kernel/cancellation.ts';
import type { Watcher } from '../../kernel/cancel-scope.ts';
import { type Timer, UNREAD, systemClock } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import { isRejection } from '../../kernel/errors.ts';
import { silence } from '../../kernel/events.ts';
import { askHook, reportHookError } from '../../kernel/hooks.ts';
import type { Link } from '../../kernel/linked-list.ts';
import { inRange, integerInRange, isFunction, isName, withDefaults } from '../../kernel/options.ts';
import { type Handler, type Operation, type Sink } from '../../kernel/handler.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import { exponentialMs, fullJitterMs } from '../../mechanisms/backoff.ts';

/** Options of {@link retry}. Omitted ones take {@link retryDefaults}. */
export interface RetryOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'retry' */
  readonly name?: string;
  /** Tries in all, the first included. Integer, 1 to 100; 1 never retries. @defaultValue 3 */
  readonly maxAttempts?: number;
  /** Upper bound of the first delay. Milliseconds, 0 to 60 000. @defaultValue 100 */
  readonly baseDelayMs?: number;
  /** Upper bound of every delay. Milliseconds, `baseDelayMs` to 600 000. @defaultValue 10_000 */
  readonly maxDelayMs?: number;
  /**
   * Whether an error may pass. By default every error but rejections of ours and cancellations. Called once per failed
   * try; if it throws, that is reported and the default rule decides.
   */
  readonly isRetryable?: (error: unknown) => boolean;
}

/** Every default of {@link retry}, in one place. */
export const retryDefaults: DefaultsOf<RetryOptions> & { readonly random: Random } = Object.freeze({
  name: 'retry',
  maxAttempts: 3,
  baseDelayMs: 100,
  maxDelayMs: 10_000,
  isRetryable: (error: unknown) => !isRejection(error) && !isCancelled(error),
  clock: systemClock,
  random: systemRandom,
});

/** A try failed, and another one follows after a wait. */
export interface RetryScheduledEvent {
  readonly type: 'retry.scheduled';
  readonly policy: 'retry';
  readonly name: string;
  /** Number of the try that failed; the first is 1. */
  readonly attempt: number;
  /** The wait before the next try. Milliseconds. */
  readonly delayMs: number;
  readonly error: unknown;
}

/** A retry policy. */
export interface Retry extends LayeredPolicy {
  /** How many tries beyond the first it has started since it was created. */
  readonly retriedCount: number;
}

/**
 * Creates a retry policy. It holds no state but a counter: one instance may serve any number of calls.
 *
 * @throws ConfigError at creation, when an option is out of range.
 * @throws the operation's last error from execute, unchanged, when the last try failed, `isRetryable` refused it, or no
 *   time is left for another try.
 * @throws `context.cause` from execute, when the context ended between tries.
 *
 * @example
 * ```ts
 * const user = await retry({ maxAttempts: 4 }).execute(({ signal }) => fetchUser(id, { signal }));
 * ```
 */
export function retry(options: RetryOptions = {}): Retry {
  const settings = resolve(options);
  const counts = { retried: 0 };
  const layer = (inner: Handler): Handler => {
    const rule: Rule = { settings, counts, inner };
    return (operation, context, sink, now) =>
      inner(operation, context, new RetryCall(rule, operation, context, sink), now);
  };
  const policy = createPolicy({ kind: 'retry', name: settings.name, layer, clock: settings.clock });
  return Object.defineProperty(policy, 'retriedCount', { get: () => counts.retried }) as Retry;
}

// --- internal ---

type Settings = Required<Omit<RetryOptions, 'captureAsyncContext'>>;

function resolve(options: RetryOptions): Settings {
  const resolved = withDefaults('retry', retryDefaults, options);
  isName('retry.name', resolved.name);
  integerInRange('retry.maxAttempts', resolved.maxAttempts, [1, 100]);
  inRange('retry.baseDelayMs', resolved.baseDelayMs, [0, 60_000]);
  inRange('retry.maxDelayMs', resolved.maxDelayMs, [resolved.baseDelayMs, 600_000]);
  isFunction('retry.isRetryable', resolved.isRetryable);
  const { name, maxAttempts, baseDelayMs, maxDelayMs, isRetryable, clock, random, events = silence } = resolved;
  return { name, maxAttempts, baseDelayMs, maxDelayMs, isRetryable, clock, random, events };
}

/** What the calls through one layer share. */
interface Rule {
  readonly settings: Settings;
  readonly counts: { retried: number };
  readonly inner: Handler;
}

/** One call: the sink of each of its tries. */
class RetryCall implements Sink {
  readonly rule: Rule;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  attempt = 1;
  /** Whether the operation was run in one of the tries. */
  hasRun = false;

  constructor(rule: Rule, operation: Operation, context: Context, sink: Sink) {
    this.rule = rule;
    this.operation = operation;
    this.context = context;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.hasRun = true;
    this.tryAgainOrFail(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.tryAgainOrFail(error, now);
  }

  /** Ends the call. Whether any try was run decides what that says about the dependency. */
  fail(error: unknown, now: number): void {
    if (this.hasRun) this.sink.reject(error, now);
    else this.sink.refuse(error, now);
  }

  tryAgain(): void {
    this.attempt++;
    this.rule.counts.retried++;
    this.rule.inner(this.operation, this.context, this, UNREAD);
  }

  private tryAgainOrFail(error: unknown, now: number): void {
    const { maxAttempts } = this.rule.settings;
    if (this.attempt >= maxAttempts || this.context.cancelled || !this.isRetryable(error)) {
      this.fail(error, now); // (1) (2) (5)
      return;
    }
    const delayMs = this.nextDelayMs();
    if (delayMs >= this.context.remainingMs()) {
      this.fail(error, now); // (3)
      return;
    }
    this.tellScheduled(error, delayMs);
    new RetryWait(this).start(delayMs);
  }

  private isRetryable(error: unknown): boolean {
    const { isRetryable, name } = this.rule.settings;
    const ask = (): unknown => isRetryable(error);
    return askHook('isRetryable', name, ask, () => retryDefaults.isRetryable(error));
  }

  /** Where `random` throws, or gives no number from 0 to 1, the wait is the longest that it could have been. */
  private nextDelayMs(): number {
    const { baseDelayMs, maxDelayMs, random, name } = this.rule.settings;
    const bounds = { baseMs: baseDelayMs, maxMs: maxDelayMs };
    const longestMs = exponentialMs(this.attempt + 1, bounds);
    try {
      const delayMs = fullJitterMs(this.attempt + 1, bounds, random);
      if (delayMs >= 0 && delayMs <= longestMs) return delayMs;
      throw new RangeError('random must return a number from 0 to 1');
    } catch (error) {
      reportHookError('random', error, name);
      return longestMs;
    }
  }

  private tellScheduled(error: unknown, delayMs: number): void {
    const { events, name } = this.rule.settings;
    if (!events.active) return;
    const event: RetryScheduledEvent = {
      type: 'retry.scheduled',
      policy: 'retry',
      name,
      attempt: this.attempt,
      delayMs,
      error,
    };
    events.emit(event);
  }
}

/** The wait between two tries: over when its delay is, or when the context ends. */
class RetryWait implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  private readonly call: RetryCall;
  private timer: Timer | undefined = undefined;

  constructor(call: RetryCall) {
    this.call = call;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  start(delayMs: number): void {
    if (scopeOf(this.call.context).watch(this)) {
      this.timer = this.call.rule.settings.clock.setTimer(() => this.end(), delayMs);
    } else {
      this.call.fail(this.call.context.cause, UNREAD);
    }
  }

  onEnd(cause: unknown): void {
    this.timer?.cancel();
    this.call.fail(cause, UNREAD); // (4)
  }

  private end(): void {
    const scope = scopeOf(this.call.context);
    if (scope.ended) return; // we are told, or were
    scope.unwatch(this);
    this.call.tryAgain();
  }
}
