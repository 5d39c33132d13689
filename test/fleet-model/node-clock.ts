/**
 * Node clock: the clock of one simulated process: it began at another time than the world, and runs at another rate. It can
 * stand still, as that of a machine does that is suspended.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

import type { Agenda, Appointment } from './agenda.ts';

/** How a clock differs from that of the world. */
export interface ClockError {
  readonly offsetMs: number;
  /** Milliseconds of this clock per millisecond of the world. */
  readonly rate: number;
}

/** The clock of one process. */
export class NodeClock implements Clock {
  private readonly agenda: Agenda;
  private readonly error: ClockError;
  private stoodMs = 0;
  private stoppedAt: number | undefined = undefined;
  /** Does what a timer is set for, when the process can. */
  run: (act: () => void) => void = (act) => act();

  constructor(agenda: Agenda, error: ClockError) {
    this.agenda = agenda;
    this.error = error;
  }

  now(): number {
    const { offsetMs, rate } = this.error;
    return offsetMs + rate * ((this.stoppedAt ?? this.agenda.now) - this.stoodMs);
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const timer = new NodeTimer(this, this.now() + Math.max(0, delayMs), callback);
    if (delayMs !== Infinity) timer.arm();
    return timer;
  }

  /** Stands still from now on. */
  stop(): void {
    this.stoppedAt ??= this.agenda.now;
  }

  /** Goes on. */
  start(): void {
    if (this.stoppedAt === undefined) return;
    this.stoodMs += this.agenda.now - this.stoppedAt;
    this.stoppedAt = undefined;
  }

  /** Lets `act` happen when this clock will have gone on by `delayMs`, if it does not stop. */
  later(delayMs: number, act: () => void): Appointment {
    return this.agenda.after(Math.max(0, delayMs) / this.error.rate + SAFE_MS, act);
  }
}

// --- internal ---

/** What rounding could make a timer too early by. Milliseconds. */
const SAFE_MS = 1e-6;

class NodeTimer implements Timer {
  private readonly clock: NodeClock;
  private readonly dueAt: number;
  private readonly callback: () => void;
  private entry: Appointment | undefined = undefined;
  private isOver = false;

  constructor(clock: NodeClock, dueAt: number, callback: () => void) {
    this.clock = clock;
    this.dueAt = dueAt;
    this.callback = callback;
  }

  arm(): void {
    this.entry = this.clock.later(this.dueAt - this.clock.now(), () => this.clock.run(() => this.fire()));
  }

  cancel(): void {
    this.isOver = true;
    if (this.entry !== undefined) this.entry.isCancelled = true;
  }

  ref(): void {}

  unref(): void {}

  private fire(): void {
    if (this.isOver) return;
    if (this.clock.now() < this.dueAt) {
      this.arm(); // the clock has stood still
      return;
    }
    this.isOver = true;
    this.callback();
  }
}
