/**
 * Running: the requests under way, and how to wait for their end.
 *
 *   open ── quiesce ─► quiet: connections are not kept ── drain ─► draining: new ones are refused ── all over, or the time ─► drained
 *                                                                      └─ drainGraceMs before the end: the rest is cancelled
 *
 * Invariants
 *  (1) A request is in the list from its head until it is over, and counted once.
 *  (2) A drain ends when nothing is under way, or with its context, whichever is first.
 *  (3) What still runs is cancelled `drainGraceMs` before that end, or a fifth of the time if that is less.
 *  (4) A connection that is lost ends every request on it, also those whose turn to be answered had not come.
 *
 * @module
 */

import type { Clock, Context, Timer } from '@holdfast/core';

import type { Closable } from './http-message.ts';
import type { OneRequest } from './one-request.ts';
import type { RequestOutcome } from './request-ending.ts';

/** What became of the requests so far. */
export interface RequestCounts {
  /** Under way now. */
  readonly running: number;
  /** Over, by outcome. */
  readonly ended: Readonly<Record<RequestOutcome, number>>;
}

/** What became of the requests that were under way when a drain began. */
export interface RequestDrainReport {
  /** Whether none was left. */
  readonly isComplete: boolean;
  /** Milliseconds that it took. */
  readonly durationMs: number;
  /** How many were left behind. */
  readonly leftCount: number;
}

/** The requests under way. */
export class Running {
  readonly #clock: Clock;
  readonly #graceMs: number;
  readonly #lives = new Set<OneRequest>();
  readonly #bySocket = new WeakMap<object, Set<OneRequest>>();
  readonly #ended: Record<RequestOutcome, number> = {
    answered: 0,
    refused: 0,
    'client-gone': 0,
    deadline: 0,
    'server-closing': 0,
    failed: 0,
  };
  readonly #waiting = new Set<() => void>();
  #phase: 'open' | 'quiet' | 'draining' = 'open';

  constructor(clock: Clock, graceMs: number) {
    this.#clock = clock;
    this.#graceMs = graceMs;
  }

  get isQuiet(): boolean {
    return this.#phase !== 'open';
  }

  get isDraining(): boolean {
    return this.#phase === 'draining';
  }

  counts(): RequestCounts {
    return { running: this.#lives.size, ended: { ...this.#ended } };
  }

  add(life: OneRequest, socket: object | null | undefined): void {
    this.#lives.add(life); // (1)
    if (isClosable(socket)) this.#onSocket(socket).add(life);
  }

  over(life: OneRequest, outcome: RequestOutcome, socket: object | null | undefined): void {
    if (!this.#lives.delete(life)) return;
    this.#ended[outcome]++; // (1)
    if (isClosable(socket)) this.#bySocket.get(socket)?.delete(life);
    if (this.#lives.size === 0) for (const done of this.#waiting) done(); // (2)
  }

  quiesce(): void {
    if (this.#phase === 'open') this.#phase = 'quiet';
    for (const life of this.#lives) life.letGo();
  }

  drain(context: Context): Promise<RequestDrainReport> {
    this.quiesce();
    this.#phase = 'draining';
    const begunAt = this.#clock.now();
    return new Promise((resolve) => {
      let unhook: (() => unknown) | undefined = undefined;
      const timers: Timer[] = [];
      const done = (): void => {
        if (!this.#waiting.delete(done)) return;
        for (const timer of timers) timer.cancel();
        unhook?.();
        const leftCount = this.#lives.size;
        this.#closeRest();
        resolve({ isComplete: leftCount === 0, durationMs: this.#clock.now() - begunAt, leftCount });
      };
      this.#waiting.add(done);
      if (this.#lives.size === 0) return done(); // (2)
      timers.push(...this.#limit(context.remainingMs(), done));
      unhook = context.onCancel(done);
    });
  }

  // --- internal ---

  /** Sets the timers of a drain; a listener of its context alone would not hold the process. */
  #limit(remainingMs: number, done: () => void): readonly Timer[] {
    if (remainingMs === Infinity) return [];
    const graceMs = Math.min(this.#graceMs, remainingMs / 5); // (3)
    return [
      this.#clock.setTimer(() => this.#closeRest(), remainingMs - graceMs),
      this.#clock.setTimer(done, remainingMs),
    ];
  }

  #closeRest(): void {
    for (const life of this.#lives) life.close();
  }

  /** The requests of a connection, which are all over when it is lost. */
  #onSocket(socket: Closable & object): Set<OneRequest> {
    const known = this.#bySocket.get(socket);
    if (known !== undefined) return known;
    const lives = new Set<OneRequest>();
    this.#bySocket.set(socket, lives);
    socket.once('close', () => {
      for (const life of lives) life.settle(); // (4)
    });
    return lives;
  }
}

// --- internal ---

function isClosable(socket: unknown): socket is Closable & object {
  return typeof socket === 'object' && socket !== null && typeof (socket as { once?: unknown }).once === 'function';
}
