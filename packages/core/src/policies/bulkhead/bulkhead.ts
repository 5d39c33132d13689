/**
 * Bulkhead: limits how many calls run at once, so that one slow dependency cannot take all there is.
 *
 * Use one per dependency. Without a queue an excess call is refused at once; with one it waits its turn, inside its own
 * deadline.
 *
 *   arrives ── a permit is free ──────────► running ── outcome ─► settled, permit handed on
 *      ├────── room in the queue ─► waiting ──┘ its turn
 *      │                               └────── context ends ─► settled (cause)
 *      └────── neither ─► refused (BulkheadFullError)
 *
 * Invariants
 *  (1) At most `maxConcurrent` calls run at once, and at most `maxQueued` wait.
 *  (2) A permit is taken once per call and given back exactly once, whatever becomes of the call.
 *  (3) Waiting calls start in the order in which they came; a free permit never passes one by.
 *  (4) A waiting call leaves as soon as its context ends, and runs nothing.
 *
 * @module
 */

import type { Watcher } from '../../kernel/cancel-scope.ts';
import { UNREAD } from '../../kernel/clock.ts';
import { type Context, scopeOf } from '../../kernel/context.ts';
import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';
import { silence } from '../../kernel/events.ts';
import { type Link, LinkedList, unlink } from '../../kernel/linked-list.ts';
import { integerInRange, isName, withDefaults } from '../../kernel/options.ts';
import { type Handler, type Operation, type Sink } from '../../kernel/handler.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';

/** Options of {@link bulkhead}. Omitted ones take {@link bulkheadDefaults}. */
export interface BulkheadOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'bulkhead' */
  readonly name?: string;
  /** Calls that may run at once. Integer, 1 to 1 000 000. @defaultValue 10 */
  readonly maxConcurrent?: number;
  /** Calls that may wait for a permit. Integer, 0 to 1 000 000; 0 refuses instead of waiting. @defaultValue 0 */
  readonly maxQueued?: number;
}

/** Every default of {@link bulkhead}, in one place. */
export const bulkheadDefaults: Required<Omit<BulkheadOptions, keyof PolicyPorts>> = Object.freeze({
  name: 'bulkhead',
  maxConcurrent: 10,
  maxQueued: 0,
});

/** A call was refused. */
export interface BulkheadRejectedEvent {
  readonly type: 'bulkhead.rejected';
  readonly policy: 'bulkhead';
  readonly name: string;
}

/** A bulkhead at one instant. */
export interface BulkheadSnapshot {
  /** Calls that run. */
  readonly running: number;
  /** Calls that wait. */
  readonly queued: number;
  /** Calls refused since it was created. */
  readonly rejected: number;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
}

/** A bulkhead policy. */
export interface Bulkhead extends LayeredPolicy {
  /** What it holds now. */
  snapshot(): BulkheadSnapshot;
}

/** All permits are taken and the queue, if there is one, is full. The operation did not run. */
export class BulkheadFullError extends RejectionError {
  readonly code = 'BULKHEAD_FULL';
  readonly maxConcurrent: number;
  readonly maxQueued: number;

  constructor(policy: string, maxConcurrent: number, maxQueued: number) {
    super(`${policy} is full: ${maxConcurrent} running, ${maxQueued} waiting`, { policy });
    this.maxConcurrent = maxConcurrent;
    this.maxQueued = maxQueued;
  }
}

/**
 * Creates a bulkhead. Its permits are shared by all calls through this instance.
 *
 * @param options - Options, or just `maxConcurrent`.
 * @throws ConfigError at creation, when an option is out of range.
 * @throws BulkheadFullError from execute, when no permit is free and the queue has no room.
 * @throws `context.cause` from execute, when the context ended while the call waited.
 *
 * @example
 * ```ts
 * const reports = bulkhead({ maxConcurrent: 4, maxQueued: 20 });
 * ```
 */
export function bulkhead(options: BulkheadOptions | number = {}): Bulkhead {
  const settings = resolve(typeof options === 'number' ? { maxConcurrent: options } : options);
  const permits = new Permits(settings);
  const layer =
    (inner: Handler): Handler =>
    (operation, context, sink, now) =>
      permits.take()
        ? inner(operation, context, new BulkheadCall(permits, sink), now)
        : permits.queueOrRefuse({ inner, operation, context, sink }, now);
  const policy = createPolicy({ kind: 'bulkhead', name: settings.name, layer });
  return Object.assign(policy, { snapshot: () => permits.snapshot() });
}

// --- internal ---

nameErrorClass(BulkheadFullError, 'BulkheadFullError');

type Settings = Required<Pick<BulkheadOptions, 'name' | 'maxConcurrent' | 'maxQueued' | 'events'>>;

function resolve(options: BulkheadOptions): Settings {
  const resolved = withDefaults('bulkhead', bulkheadDefaults, options);
  isName('bulkhead.name', resolved.name);
  integerInRange('bulkhead.maxConcurrent', resolved.maxConcurrent, [1, 1_000_000]);
  integerInRange('bulkhead.maxQueued', resolved.maxQueued, [0, 1_000_000]);
  const { name, maxConcurrent, maxQueued, events = silence } = resolved;
  return { name, maxConcurrent, maxQueued, events };
}

/** The permits of one bulkhead and the calls that wait for one. */
class Permits {
  readonly settings: Settings;
  private readonly waiting = new LinkedList();
  private running = 0;
  private queued = 0;
  private rejected = 0;
  private draining = false;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** Takes a permit if one is free and nobody waits for it. */
  take(): boolean {
    if (this.running >= this.settings.maxConcurrent || this.queued > 0) return false;
    this.running++;
    return true;
  }

  queueOrRefuse(arrival: Arrival, now: number): void {
    if (this.queued < this.settings.maxQueued) this.enqueue(arrival);
    else this.refuse(arrival.sink, now);
  }

  /** Takes a permit back and starts the calls that have waited longest. A loop, since a call may settle while it starts. */
  release(): void {
    this.running--;
    if (this.queued === 0 || this.draining) return;
    this.draining = true;
    while (this.running < this.settings.maxConcurrent && this.queued > 0) {
      const next = this.waiting.shift() as QueuedCall; // (3)
      this.queued--;
      this.running++;
      if (!next.start()) this.running--;
    }
    this.draining = false;
  }

  snapshot(): BulkheadSnapshot {
    const { maxConcurrent, maxQueued } = this.settings;
    return { running: this.running, queued: this.queued, rejected: this.rejected, maxConcurrent, maxQueued };
  }

  /** Takes an abandoned call out of the queue. */
  leave(queued: QueuedCall): void {
    if (unlink(queued)) this.queued--;
  }

  private enqueue(arrival: Arrival): void {
    const queued = new QueuedCall(this, arrival);
    if (scopeOf(arrival.context).watch(queued.watcher)) {
      this.waiting.append(queued);
      this.queued++;
    } else {
      arrival.sink.refuse(arrival.context.cause, UNREAD);
    }
  }

  private refuse(sink: Sink, now: number): void {
    const { name, maxConcurrent, maxQueued, events } = this.settings;
    this.rejected++;
    if (events.active) {
      const event: BulkheadRejectedEvent = { type: 'bulkhead.rejected', policy: 'bulkhead', name };
      events.emit(event);
    }
    sink.refuse(new BulkheadFullError(name, maxConcurrent, maxQueued), now);
  }
}

/** A call that found no permit. */
interface Arrival {
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
}

/** A call that holds a permit: the sink of its run. */
class BulkheadCall implements Sink {
  readonly permits: Permits;
  readonly sink: Sink;

  constructor(permits: Permits, sink: Sink) {
    this.permits = permits;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.permits.release(); // (2)
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.permits.release(); // (2)
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.permits.release(); // (2)
    this.sink.refuse(error, now);
  }
}

/** A call's place in the queue. */
class QueuedCall implements Link {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly watcher: QueueWatcher;
  private readonly permits: Permits;
  private readonly arrival: Arrival;

  constructor(permits: Permits, arrival: Arrival) {
    this.permits = permits;
    this.arrival = arrival;
    this.watcher = new QueueWatcher(this);
  }

  /** Runs the call with the permit that was taken for it; returns false if its context has ended meanwhile. */
  start(): boolean {
    const { inner, operation, context, sink } = this.arrival;
    const scope = scopeOf(context);
    if (scope.ended) return false; // (4): the watcher was told
    scope.unwatch(this.watcher);
    inner(operation, context, new BulkheadCall(this.permits, sink), UNREAD);
    return true;
  }

  abandon(cause: unknown): void {
    this.permits.leave(this);
    this.arrival.sink.refuse(cause, UNREAD); // (4)
  }
}

class QueueWatcher implements Watcher {
  previous: Link | undefined = undefined;
  next: Link | undefined = undefined;
  readonly queued: QueuedCall;

  constructor(queued: QueuedCall) {
    this.queued = queued;
  }

  get leavesAt(): number {
    return Infinity;
  }

  get isWaitedFor(): boolean {
    return true;
  }

  onEnd(cause: unknown): void {
    this.queued.abandon(cause);
  }
}
