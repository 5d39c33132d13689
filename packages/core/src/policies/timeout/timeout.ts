/**
 * Timeout: gives an operation a deadline, and stops waiting for it there.
 *
 * Use it around every call that leaves the process. It cannot stop work that does not look at its context: such work goes
 * on unobserved, and only the caller goes free.
 *
 *   started ── outcome ──────────────► settled (outcome)
 *      └────── deadline, caller gone ─► settled (cause); a later outcome is dropped
 *
 * Invariants
 *  (1) The operation's context ends at the deadline with the very error that the caller gets.
 *  (2) A context whose own deadline is not later is left as it is: its deadline rules, and its error.
 *  (3) Any number of calls share one timer, and none is left at rest.
 *  (4) A call is settled at its deadline even if the layers inside do not report.
 *
 * @module
 */

import { CancelScope, type Timekeeper } from '../../kernel/cancel-scope.ts';
import { DeadlineExceededError } from '../../kernel/cancellation.ts';
import { type Clock, readOnce, systemClock } from '../../kernel/clock.ts';
import { type Context, type ScopeSource, deriveContext, deriveLazily, scopeOf } from '../../kernel/context.ts';
import type { Link } from '../../kernel/linked-list.ts';
import { inRange, isName, withDefaults } from '../../kernel/options.ts';
import { type Handler, type Operation, type Sink } from '../../kernel/handler.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import { type Expiring, DeadlineQueue } from './deadline-queue.ts';

/** Options of {@link timeout}. Omitted ones take {@link timeoutDefaults}. */
export interface TimeoutOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'timeout' */
  readonly name?: string;
  /**
   * Time that a call may take, everything inside this policy included. Milliseconds, 0 to 2^53 - 1, or Infinity; 0 refuses
   * every call, Infinity sets no deadline.
   */
  readonly timeoutMs: number;
}

/** Every default of {@link timeout}, in one place. */
export const timeoutDefaults: { readonly name: string; readonly clock: Clock } = Object.freeze({
  name: 'timeout',
  clock: systemClock,
});

/** The time that a `timeout` policy gives passed. The operation may still be running. Its `name` is `TimeoutError`. */
export class TimeoutError extends DeadlineExceededError {
  override readonly code = 'TIMEOUT';
  /** The time that was given. Milliseconds. */
  readonly timeoutMs: number;

  constructor(policy: string, timeoutMs: number) {
    super(`${policy} gave up after ${timeoutMs} ms`, { policy });
    this.timeoutMs = timeoutMs;
  }
}

/**
 * Creates a timeout policy. One instance may serve any number of calls.
 *
 * @param options - Options, or just the time in milliseconds.
 * @throws ConfigError at creation, when an option is out of range.
 * @throws TimeoutError from execute, when `timeoutMs` passed before the operation settled.
 * @throws `context.cause` from execute, when the context ended before the operation settled.
 *
 * @example
 * ```ts
 * const user = await timeout(800).execute((context) => fetchUser(id, { signal: context.signal }));
 * ```
 */
export function timeout(options: TimeoutOptions | number): LayeredPolicy {
  const { name, timeoutMs, clock } = resolve(typeof options === 'number' ? { timeoutMs: options } : options);
  const layer = timeoutMs === Infinity ? passThrough : deadlineLayer(name, timeoutMs, clock);
  return createPolicy({ kind: 'timeout', name, clock, layer });
}

// --- internal ---

function resolve(options: TimeoutOptions): Required<TimeoutOptions> {
  const resolved = withDefaults('timeout', timeoutDefaults, options, ['timeoutMs']);
  isName('timeout.name', resolved.name);
  inRange('timeout.timeoutMs', resolved.timeoutMs, [0, Infinity]);
  return resolved as Required<TimeoutOptions>;
}

const passThrough = (inner: Handler): Handler => inner;

function deadlineLayer(name: string, timeoutMs: number, clock: Clock) {
  const rule: Rule = { name, timeoutMs, clock, queue: new DeadlineQueue(clock, timeoutMs) };
  return (inner: Handler): Handler =>
    (operation: Operation, context: Context, sink: Sink, calledAt: number) => {
      const parent = scopeOf(context);
      const now = parent.isEndless ? calledAt : readOnce(clock, calledAt);
      if (timeoutMs === 0) {
        sink.refuse(new TimeoutError(name, 0), now);
      } else if (!parent.isEndless && endsBy(parent, now, timeoutMs, clock)) {
        inner(operation, context, sink, now); // (2)
      } else {
        const call = new TimeoutCall(rule, parent, sink);
        rule.queue.join(call, now);
        inner(operation, call.derive(context), call, now);
      }
    };
}

/** Whether `scope` ends by itself no later than `timeoutMs` after `now`, an instant of `clock`. */
function endsBy(scope: CancelScope, now: number, timeoutMs: number, clock: Clock): boolean {
  if (scope.deadline === Infinity) return false;
  return scope.clock === clock ? scope.deadline <= now + timeoutMs : scope.deadline <= scope.clock.now() + timeoutMs;
}

interface Rule {
  readonly name: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly queue: DeadlineQueue;
}

/** One call: a member of the queue, the sink of what is inside, and the source of its context's scope. */
class TimeoutCall implements Sink, Expiring, ScopeSource, Timekeeper {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly rule: Rule;
  readonly parent: CancelScope;
  readonly sink: Sink;
  expiresAt: number | undefined = undefined;
  settled = false;
  scope: CancelScope | undefined = undefined;

  constructor(rule: Rule, parent: CancelScope, sink: Sink) {
    this.rule = rule;
    this.parent = parent;
    this.sink = sink;
  }

  /** Under a parent that never ends, only we can end the context, so its scope is made only if somebody asks for it. */
  derive(context: Context): Context {
    return this.parent.isEndless ? deriveLazily(context, this) : deriveContext(context, this.makeScope());
  }

  makeScope(): CancelScope {
    if (this.scope === undefined) {
      const { clock, queue } = this.rule;
      this.scope = new CancelScope(this.parent, clock, queue.deadlineOf(this), this);
      if (this.settled) this.scope.release();
    }
    return this.scope;
  }

  expiryCause(): unknown {
    return new TimeoutError(this.rule.name, this.rule.timeoutMs);
  }

  resolve(value: unknown, now: number): void {
    if (this.settled) return;
    this.settle();
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    if (this.settled) return;
    this.settle();
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    if (this.settled) return;
    this.settle();
    this.sink.refuse(error, now);
  }

  expire(now: number): void {
    const scope = this.makeScope();
    scope.expire(); // the layers inside report to us
    if (!this.settled) this.reject(scope.cause, now); // (4)
  }

  private settle(): void {
    this.settled = true;
    this.rule.queue.leave(this);
    this.scope?.release();
  }
}
