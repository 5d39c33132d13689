/**
 * Health check: asks the dependency whether it is back, instead of waiting for a caller to try.
 *
 *   opens ─► waits for the open time ─► checks, as a probe ─┬─► closes
 *                 ▲                                         ├─► half-open still: checks again
 *                 └──────────── opens again ────────────────┘
 *
 * Invariants
 *  (1) There is a timer only while the circuit is open, and it does not keep the process alive.
 *  (2) A check takes a probe's place, has a probe's time, and its verdict counts as a probe's.
 *  (3) One check runs at a time; after `stop` none starts.
 *
 * @module
 */

import type { Timer } from '../../kernel/clock.ts';
import { Context } from '../../kernel/context.ts';
import { type Operation, type Sink, invoke } from '../../kernel/handler.ts';
import { UNREAD } from '../../kernel/clock.ts';
import type { CircuitPermit } from './admitted-call.ts';
import type { Breaker } from './breaker.ts';
import type { CircuitState } from './circuit-events.ts';

/** Watches one breaker. */
export class HealthCheck {
  private readonly breaker: Breaker;
  private readonly check: Operation;
  private timer: Timer | undefined = undefined;
  private running = false;
  private stopped = false;

  constructor(breaker: Breaker, check: Operation) {
    this.breaker = breaker;
    this.check = check;
    breaker.onTold = (state) => this.onState(state);
  }

  /** Ends the checks for good. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Takes up its work in whatever state the circuit is. */
  onState(state: CircuitState): void {
    if (state === 'open') this.wait();
    else if (state !== 'half-open') {
      this.timer?.cancel(); // (1)
      this.timer = undefined;
    }
  }

  private wait(): void {
    const { clock, circuit } = this.breaker;
    if (this.stopped) return;
    this.timer?.cancel();
    this.timer = clock.setTimer(() => this.run(), circuit.remainingOpenMs(clock.now()));
    this.timer.unref(); // (1)
  }

  private run(): void {
    this.timer = undefined;
    const { clock, rules, circuit } = this.breaker;
    if (this.stopped || this.running || circuit.state(clock.now()) === 'closed') return;
    const permit = this.breaker.tryAcquire(); // (2)
    if (permit === undefined) {
      this.waitForPlace();
      return;
    }
    this.running = true; // (3)
    const context = Context.withClock(clock).withTimeout(rules.probeLeaseMs);
    invoke(this.check, context, new CheckSink(permit, () => this.next()), UNREAD);
  }

  /** After a check: the next one follows at once while the circuit is undecided; an open one has set a timer by itself. */
  private next(): void {
    this.running = false;
    const { clock, circuit } = this.breaker;
    if (this.timer === undefined && circuit.state(clock.now()) === 'half-open') this.run();
  }

  /** All places are taken by calls: they decide, or their leases run out. */
  private waitForPlace(): void {
    const { clock, circuit } = this.breaker;
    const now = clock.now();
    const delayMs = Math.max(1, circuit.remainingOpenMs(now), circuit.remainingLeaseMs(now));
    this.timer = clock.setTimer(() => this.run(), delayMs);
    this.timer.unref();
  }
}

// --- internal ---

/** Takes the outcome of one check. */
class CheckSink implements Sink {
  private readonly permit: CircuitPermit;
  private readonly onEnd: () => void;

  constructor(permit: CircuitPermit, onEnd: () => void) {
    this.permit = permit;
    this.onEnd = onEnd;
  }

  resolve(): void {
    this.permit.success();
    this.onEnd();
  }

  reject(error: unknown): void {
    this.permit.failure(error);
    this.onEnd();
  }

  refuse(): void {
    this.permit.ignore();
    this.onEnd();
  }
}
