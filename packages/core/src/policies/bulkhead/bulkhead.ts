/**
 * Bulkhead: limits how many calls run at once, so that one slow dependency cannot take all there is.
 *
 * Use one per dependency. Without a queue an excess call is refused at once; with one it waits its turn, inside its own
 * deadline.
 *
 *   arrives ── a permit is free ──────────► running ── outcome ─► settled, permit handed on
 *      ├────── room in the queue ─► waiting ──┘ its turn
 *      │                               ├────── context ends ─► settled (cause)
 *      │                               └────── maxWaitMs, evicted, too late to run ─► refused (BulkheadFullError)
 *      └────── neither ─► refused (BulkheadFullError)
 *
 * Invariants
 *  (1) At most `maxConcurrent` calls run at once, and a call begins to wait only where fewer than `maxQueued` do.
 *  (2) A permit is taken once per call and given back exactly once, whatever becomes of the call.
 *  (3) Waiting calls start by priority, and within one in the order in which they came; a free permit never passes one by.
 *  (4) A waiting call leaves as soon as its context ends, and runs nothing.
 *  (5) No call waits longer than `maxWaitMs`, or starts where its deadline leaves less than `minRunMs`.
 *  (6) Under `observe` and `off` no call waits or is refused.
 *  (7) There is a timer of its own only while calls wait and `maxWaitMs` is finite, and then one.
 *
 * @module
 */

import { systemClock } from '../../kernel/clock.ts';
import { type Context, background, requireContext } from '../../kernel/context.ts';
import type { Describable, Enforcement, PolicyDescription, PolicyKind, Updatable } from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler, Operation, Sink } from '../../kernel/handler.ts';
import { withDefaults } from '../../kernel/options.ts';
import { type LayeredPolicy, createStagedPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { type Stage, handlerOf } from '../../kernel/stage.ts';
import { updatable } from '../../kernel/update-plan.ts';
import type { BulkheadPermit } from './held-permit.ts';
import { type BulkheadLimits, type BulkheadOrder, bulkheadRules, changeLimits, limitsOf } from './limits.ts';
import { BulkheadCall, type PermitSettings, Permits } from './permits.ts';
import type { BulkheadSnapshot } from './snapshot.ts';

export type { BulkheadPermit } from './held-permit.ts';
export { type BulkheadOrder, bulkheadRules } from './limits.ts';
export { BulkheadFullError, type BulkheadRefusal, type BulkheadRejectedEvent } from './refusal.ts';
export type { BulkheadSnapshot } from './snapshot.ts';

/** Options of {@link bulkhead}. Omitted ones take {@link bulkheadDefaults}. */
export interface BulkheadOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'bulkhead' */
  readonly name?: string;
  /** Calls that may run at once. Integer, 1 to 1 000 000. @defaultValue 10 */
  readonly maxConcurrent?: number;
  /** Calls that may wait for a permit. Integer, 0 to 1 000 000; 0 refuses instead of waiting. @defaultValue 0 */
  readonly maxQueued?: number;
  /**
   * Time after which a waiting call is refused. Milliseconds, 1 or more; Infinity lets it wait until its context ends.
   * @defaultValue Infinity
   */
  readonly maxWaitMs?: number;
  /**
   * Time that a call needs at least. One whose deadline leaves less is refused: at once, or as soon as it has waited so long.
   * Milliseconds, 0 to 3 600 000; 0 starts whatever has not ended.
   * @defaultValue 0
   */
  readonly minRunMs?: number;
  /**
   * Which of the waiting calls starts next. `fifo`: the first to come; `adaptive-lifo`: the same, but the last to come once
   * the queue has not been empty for `standingAfterMs`: under a lasting excess the newest can still be answered in time.
   * @defaultValue 'fifo'
   */
  readonly order?: BulkheadOrder;
  /** Time after which a queue that is never empty counts as standing. Milliseconds, 1 to 3 600 000. @defaultValue 100 */
  readonly standingAfterMs?: number;
  /**
   * Priority of a call that must wait: an integer, 0 to 9. Higher ones start first, and take the places of lower ones in a
   * full queue. What is no such integer counts as 0 and is reported. By default all have the same.
   */
  readonly priorityOf?: (context: Context) => number;
  /**
   * `enforce` limits; `observe` lets all calls run and counts those that would have been refused; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Bulkhead.update} may change. */
export type BulkheadChanges = Partial<Omit<BulkheadOptions, 'name' | keyof PolicyPorts>>;

/** Every default of {@link bulkhead}, in one place. */
export const bulkheadDefaults: DefaultsOf<BulkheadOptions, 'priorityOf'> = Object.freeze({
  name: 'bulkhead',
  maxConcurrent: 10,
  maxQueued: 0,
  maxWaitMs: Infinity,
  minRunMs: 0,
  order: 'fifo',
  standingAfterMs: 100,
  enforcement: 'enforce',
  clock: systemClock,
});

/** A bulkhead policy. */
export interface Bulkhead extends LayeredPolicy, Updatable<BulkheadChanges>, Describable {
  /** What it holds now. */
  snapshot(): BulkheadSnapshot;
  /**
   * Takes a permit for code that is not one function, if a call would run at once; never waits. Give it back by `release()`
   * or `using`; at the latest the end of `context` does. Returns undefined, and counts a refusal, where there is none.
   */
  tryAcquire(context?: Context): BulkheadPermit | undefined;
}

/**
 * Creates a bulkhead. Its permits are shared by all calls through this instance.
 *
 * @param options - Options, or just `maxConcurrent`.
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws BulkheadFullError from execute, when there is no permit for the call, and it cannot wait, or not any longer.
 * @throws `context.cause` from execute, when the context ended while the call waited.
 *
 * @example
 * ```ts
 * const reports = bulkhead({ maxConcurrent: 4, maxQueued: 20 });
 * ```
 */
export function bulkhead(options: BulkheadOptions | number = {}): Bulkhead {
  const settings = resolve(typeof options === 'number' ? { maxConcurrent: options } : options);
  const { name } = settings;
  const permits = new Permits(settings);
  const changing = updatable({
    name,
    resolve: (changes: BulkheadChanges) => changeLimits(name, permits.limits, changes),
    apply: (limits) => permits.apply(limits),
  });
  return Object.assign(
    createStagedPolicy({ kind: 'bulkhead', name, stages: (inner) => new BulkheadStage(permits, inner) }),
    changing,
    {
      snapshot: () => permits.snapshot(),
      tryAcquire: (context: Context = background) => {
        requireContext('tryAcquire', context);
        return permits.hold(context);
      },
      describe: () => describe(name, permits.limits),
    },
  );
}

/** The kind of policy that {@link bulkhead} makes, for configuration. */
export const bulkheadKind: PolicyKind = Object.freeze({
  kind: 'bulkhead',
  rules: bulkheadRules,
  required: Object.freeze([]),
  defaults: bulkheadDefaults,
  create: bulkhead,
});

// --- internal ---

/** The layer of a bulkhead around what is inside it. */
class BulkheadStage implements Stage {
  private readonly permits: Permits;
  private readonly inner: Stage;
  /** The same for calls that may wait. */
  private readonly innerHandler: Handler;

  constructor(permits: Permits, inner: Stage) {
    this.permits = permits;
    this.inner = inner;
    this.innerHandler = handlerOf(inner);
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    const { permits } = this;
    if (permits.isPlain && permits.take()) this.inner.handle(operation, context, new BulkheadCall(permits, sink), now);
    else permits.arrive({ inner: this.innerHandler, operation, context, sink }, now);
  }
}

function resolve(options: BulkheadOptions): PermitSettings {
  const resolved = withDefaults('bulkhead', bulkheadDefaults, options, ['priorityOf']);
  const { name, clock, events = silence, captureAsyncContext } = resolved;
  return { name, clock, events, captureAsyncContext, limits: limitsOf(name, resolved) };
}

function describe(name: string, limits: BulkheadLimits): PolicyDescription {
  const { maxConcurrent, maxQueued, maxWaitMs, minRunMs, order, standingAfterMs, priorityOf, enforcement } = limits;
  const options = {
    maxConcurrent,
    maxQueued,
    ...(maxWaitMs !== Infinity && { maxWaitMs }),
    minRunMs,
    order,
    standingAfterMs,
    ...(priorityOf !== undefined && { priorityOf: '[function]' }),
  };
  const longestWaitMs = maxQueued > 0 && enforcement === 'enforce' ? maxWaitMs : 0;
  const traits = { maxWaitMs: longestWaitMs, isShared: true, ...(minRunMs > 0 && { minTimeLeftMs: minRunMs }) };
  return { kind: 'bulkhead', name, enforcement, options, traits };
}
