/**
 * Rate limiter: lets calls start at a steady rate, with bursts, so that a quota of somebody else is kept.
 *
 * Use one per quota. Without a queue a call that comes too soon is refused at once; with one it waits its turn, inside its
 * own deadline.
 *
 *   arrives ── within the rate, nobody waits ─► runs
 *      ├────── room in the queue, and time ───► waiting ── its turn ─► runs
 *      │                                           └────── context ends ─► settled (cause)
 *      └────── neither ─► refused (RateLimitedError)
 *
 * Invariants
 *  (1) In any span of time at most `maxBurst` calls start, plus `maxPerInterval` for each `intervalMs` of the span.
 *  (2) Calls start in the order in which they came; at most `maxQueued` wait.
 *  (3) A wait that would reach the deadline is not begun.
 *  (4) A waiting call leaves as soon as its context ends, runs nothing, and uses nothing up.
 *  (5) There is a timer only while calls wait, and then one.
 *  (6) Under `observe` and `off` no call waits or is refused.
 *
 * @module
 */

import { type Clock, readOnce, systemClock } from '../../kernel/clock.ts';
import { type Context, isKnownToHaveEnded } from '../../kernel/context.ts';
import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';
import { type Events, silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import { inRange, isName, withDefaults } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { type Limits, Pace, limitsOf } from './pace.ts';
import { type Arrival, WaitingLine } from './waiting-line.ts';

/** Options of {@link rateLimiter}. Omitted ones take {@link rateLimiterDefaults}. */
export interface RateLimiterOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'rate-limiter' */
  readonly name?: string;
  /** Calls that may start per `intervalMs`, spread evenly. Integer, 1 to 1 000 000. */
  readonly maxPerInterval: number;
  /**
   * Time in which `maxPerInterval` calls may start. Milliseconds, 1 to 86 400 000, and at least a thousandth of
   * `maxPerInterval`.
   * @defaultValue 1_000
   */
  readonly intervalMs?: number;
  /**
   * Calls that may start at once after a time without any. Integer, 1 to 1 000 000; 1 keeps them all apart. By default
   * `maxPerInterval`.
   */
  readonly maxBurst?: number;
  /** Calls that may wait for their turn. Integer, 0 to 1 000 000; 0 refuses instead of waiting. @defaultValue 0 */
  readonly maxQueued?: number;
  /**
   * `enforce` limits; `observe` lets all calls run and counts those that would have been refused; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: 'enforce' | 'observe' | 'off';
  /**
   * Time that calls admitted earlier still count for, as `snapshot().backlogMs` told it, less the time since. Milliseconds,
   * 0 or more; more than a whole burst counts as that.
   * @defaultValue 0
   */
  readonly initialBacklogMs?: number;
}

/** What {@link RateLimiter.update} may change. */
export type RateLimiterChanges = Partial<
  Pick<RateLimiterOptions, 'maxPerInterval' | 'intervalMs' | 'maxBurst' | 'maxQueued' | 'enforcement'>
>;

/** Every default of {@link rateLimiter}, in one place. */
export const rateLimiterDefaults: DefaultsOf<RateLimiterOptions, 'maxPerInterval' | 'maxBurst'> = Object.freeze({
  name: 'rate-limiter',
  intervalMs: 1000,
  maxQueued: 0,
  enforcement: 'enforce',
  initialBacklogMs: 0,
  clock: systemClock,
});

/** A call was refused, or would have been. */
export interface RateLimiterRejectedEvent {
  readonly type: 'rate-limiter.rejected';
  readonly policy: 'rate-limiter';
  readonly name: string;
  /** `observe` where the call ran nevertheless. */
  readonly enforcement: 'enforce' | 'observe';
  /** Time until a call would start at once, if no other comes meanwhile. Milliseconds. */
  readonly retryAfterMs: number;
}

/** A rate limiter at one instant. */
export interface RateLimiterSnapshot {
  /** Calls that would start at once if they came now. */
  readonly available: number;
  /** Calls that wait. */
  readonly queued: number;
  /** Calls refused since it was created. */
  readonly rejected: number;
  /** Calls that ran under `observe` and would have been refused, since it was created. */
  readonly observed: number;
  /** Time until the whole burst is there again. Milliseconds; 0 when it is. The whole state: see `initialBacklogMs`. */
  readonly backlogMs: number;
  readonly maxPerInterval: number;
  readonly intervalMs: number;
  readonly maxBurst: number;
  readonly maxQueued: number;
  readonly enforcement: 'enforce' | 'observe' | 'off';
}

/** A rate limiter policy. */
export interface RateLimiter extends LayeredPolicy {
  /** What it knows now. */
  snapshot(): RateLimiterSnapshot;
  /**
   * Changes limits. Calls that started go on counting, and calls that wait keep their places; where nothing is enforced any
   * more, they start.
   *
   * @throws ConfigError when an option is out of range; then nothing changes.
   */
  update(changes: RateLimiterChanges): void;
}

/** The call came too soon, and could not wait. The operation did not run. */
export class RateLimitedError extends RejectionError {
  readonly code = 'RATE_LIMITED';
  readonly maxPerInterval: number;
  readonly intervalMs: number;

  constructor(policy: string, retryAfterMs: number, limits: { maxPerInterval: number; intervalMs: number }) {
    super(`${policy} allows ${limits.maxPerInterval} per ${limits.intervalMs} ms`, { policy, retryAfterMs });
    this.maxPerInterval = limits.maxPerInterval;
    this.intervalMs = limits.intervalMs;
  }
}

/**
 * Creates a rate limiter. Its rate is shared by all calls through this instance.
 *
 * @param options - Options, or just `maxPerInterval`: calls per second.
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws RateLimitedError from execute, when the call came too soon and there is no room in the queue, or no time to wait.
 * @throws `context.cause` from execute, when the context ended while the call waited.
 *
 * @example
 * ```ts
 * const geocoder = rateLimiter({ maxPerInterval: 50, intervalMs: 1000, maxBurst: 10, maxQueued: 100 });
 * ```
 */
export function rateLimiter(options: RateLimiterOptions | number): RateLimiter {
  const settings = resolve(typeof options === 'number' ? { maxPerInterval: options } : options);
  const limiter = new Limiter(settings);
  const layer =
    (inner: Handler): Handler =>
    (operation, context, sink, calledAt) => {
      const now = limiter.pace.limits.enforcement === 'off' ? calledAt : readOnce(settings.clock, calledAt);
      if (limiter.lets(context, now)) inner(operation, context, sink, now);
      else limiter.queueOrRefuse({ inner, operation, context, sink }, now);
    };
  const policy = createPolicy({ kind: 'rate-limiter', name: settings.name, layer, clock: settings.clock });
  return Object.assign(policy, {
    snapshot: () => limiter.snapshot(),
    update: (changes: RateLimiterChanges) => limiter.update(changes),
  });
}

// --- internal ---

nameErrorClass(RateLimitedError, 'RateLimitedError');

interface Settings {
  readonly name: string;
  readonly clock: Clock;
  readonly events: Events;
  readonly limits: Limits;
  readonly initialBacklogMs: number;
}

function resolve(options: RateLimiterOptions): Settings {
  const resolved = withDefaults('rateLimiter', rateLimiterDefaults, options, ['maxPerInterval', 'maxBurst']);
  isName('rateLimiter.name', resolved.name);
  const limits = limitsOf(resolved);
  inRange('rateLimiter.initialBacklogMs', resolved.initialBacklogMs, [0, Infinity]);
  const { name, clock, events = silence, initialBacklogMs } = resolved;
  return { name, clock, events, limits, initialBacklogMs };
}

/** What all calls through one rate limiter share. */
class Limiter {
  readonly pace: Pace;
  private readonly settings: Settings;
  private readonly line: WaitingLine;
  private rejected = 0;
  private observed = 0;
  private draining = false;

  constructor(settings: Settings) {
    const { clock, limits, initialBacklogMs } = settings;
    this.settings = settings;
    this.pace = new Pace(limits, initialBacklogMs, initialBacklogMs > 0 ? clock.now() : 0);
    this.line = new WaitingLine(clock, () => this.drain());
  }

  /** Whether a call may start now. */
  lets(context: Context, now: number): boolean {
    const { enforcement } = this.pace.limits;
    if (enforcement === 'off' || isKnownToHaveEnded(context)) return true; // ended: it is refused further in
    if (enforcement === 'observe') return this.observe(context, now); // (6)
    return this.line.length === 0 && this.pace.take(now); // (1) (2)
  }

  queueOrRefuse(arrival: Arrival, now: number): void {
    const { context, sink } = arrival;
    if (context.cancelled) {
      sink.refuse(context.cause, now);
      return;
    }
    const delayMs = this.pace.delayMs(this.line.length, now);
    if (this.line.length >= this.pace.limits.maxQueued || delayMs >= context.remainingMs()) {
      this.rejected++; // (2) (3)
      this.tellRejected('enforce', delayMs);
      sink.refuse(new RateLimitedError(this.settings.name, delayMs, this.pace.limits), now);
    } else if (this.line.join(arrival)) {
      this.wake(now);
    } else {
      sink.refuse(context.cause, now);
    }
  }

  update(changes: RateLimiterChanges): void {
    this.pace.update(changes, this.settings.clock.now());
    this.line.sleep();
    this.drain();
  }

  snapshot(): RateLimiterSnapshot {
    const { maxPerInterval, intervalMs, maxBurst, maxQueued, enforcement } = this.pace.limits;
    const now = this.settings.clock.now();
    const queued = this.line.length;
    return {
      available: queued > 0 ? 0 : this.pace.available(now),
      queued,
      rejected: this.rejected,
      observed: this.observed,
      backlogMs: this.pace.backlogMs(now),
      maxPerInterval,
      intervalMs,
      maxBurst,
      maxQueued,
      enforcement,
    };
  }

  /** Starts the calls whose turn it is. A loop, since a call may settle, or change the limits, while it starts. */
  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    const now = this.settings.clock.now();
    while (this.line.length > 0 && this.pace.allows(now)) {
      const next = this.line.shift(); // (2) (4)
      if (next === undefined) break;
      this.pace.take(now); // (1)
      next.inner(next.operation, next.context, next.sink, now);
    }
    this.draining = false;
    this.wake(this.line.length > 0 ? this.settings.clock.now() : now);
  }

  private wake(now: number): void {
    if (!this.draining) this.line.wakeAfter(this.pace.delayMs(0, now)); // (5)
  }

  /** Lets a call run, and notes whether it would have been refused. */
  private observe(context: Context, now: number): true {
    const delayMs = this.pace.delayMs(0, now);
    const hasTime = delayMs === 0 || delayMs < context.remainingMs();
    if (hasTime && this.pace.book(now)) return true;
    this.observed++;
    this.tellRejected('observe', delayMs);
    return true;
  }

  private tellRejected(enforcement: 'enforce' | 'observe', retryAfterMs: number): void {
    const { name, events } = this.settings;
    if (!events.active) return;
    const event: RateLimiterRejectedEvent = {
      type: 'rate-limiter.rejected',
      policy: 'rate-limiter',
      name,
      enforcement,
      retryAfterMs,
    };
    events.emit(event);
  }
}
