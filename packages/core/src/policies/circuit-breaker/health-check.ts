/**
 * Health check: asks the dependency whether it is back, instead of waiting for a caller to try.
 *
 *   opens ─► waits for the open time ─► checks, as a probe ─┬─► closes
 *                 ▲                                         ├─► half-open still: checks again
 *                 └──────────── opens again ────────────────┘
 *
 * Invariants
 *  (1) There are timers only while the circuit is open or half-open, and none keeps the process alive.
 *  (2) A check takes a probe's place, has a probe's time, and its verdict counts as a probe's.
 *  (3) One check runs at a time; after `stop` none starts.
 *
 * @module
 */

import { Context } from '../../kernel/context.ts';
import { type Operation, type Sink, invoke } from '../../kernel/handler.ts';
import { type Clock, type Timer, UNREAD } from '../../kernel/clock.ts';
import type { CircuitPermit } from './admitted-call.ts';
import type { Breaker } from './breaker.ts';

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
    breaker.onTold = () => this.arm();
  }

  /** Ends the checks for good. */
  stop(): void {
    this.stopped = true;
    this.disarm();
  }

  // --- internal ---

  /** Sets the timer for the next check, and none where the circuit is closed or a check runs. */
  private arm(pauseMs = 0): void {
    const { clock, circuit } = this.breaker;
    this.disarm();
    const now = clock.now();
    if (this.stopped || this.running || circuit.state(now) === 'closed') return; // (1) (3)
    const delayMs = Math.max(pauseMs, circuit.remainingOpenMs(now), circuit.remainingLeaseMs(now));
    this.timer = clock.setTimer(() => this.run(), delayMs);
    this.timer.unref(); // (1)
  }

  private disarm(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private run(): void {
    this.timer = undefined;
    const { clock, circuit, rules } = this.breaker;
    const permit = this.breaker.tryProbe(); // (2)
    if (permit === undefined) {
      const isFull = circuit.remainingLeaseMs(clock.now()) > 0; // else it is held, or off: nobody says when that ends
      this.arm(isFull ? 0 : rules.openForMs);
      return;
    }
    this.disarm(); // asking may have told of the half-open state
    this.running = true; // (3)
    const context = Context.withClock(quiet(clock)).withTimeout(rules.probeLeaseMs);
    invoke(this.check, context, new CheckSink(permit, () => this.end()), UNREAD);
  }

  /** After a check: an undecided circuit is checked again, in a turn of its own. */
  private end(): void {
    this.running = false;
    this.arm();
  }
}

/** A clock whose timers do not keep the process alive, whoever waits for them: (1). */
function quiet(clock: Clock): Clock {
  const setTimer = (callback: () => void, delayMs: number): Timer => {
    const timer = clock.setTimer(callback, delayMs);
    timer.unref();
    return { cancel: () => timer.cancel(), unref: () => {}, ref: () => {} };
  };
  return { now: () => clock.now(), setTimer };
}

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
