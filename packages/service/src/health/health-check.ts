/**
 * Health check: one check of a service, run again and again at the same pace, whoever asks.
 *
 *   waiting ── everyMs ─► running ── passes, warns, fails ─► waiting
 *                            └── timeoutMs ─► fails; running on ── settles ─► waiting
 *
 * Invariants
 *  (1) At most one run of a check is under way: one that hangs is not started again until it has ended.
 *  (2) A run's context ends when the run has. One that takes longer than `timeoutMs` has failed, and its context has ended; what
 *      comes of it later is dropped.
 *  (3) After close nothing is run, and no timer is left. Its timers never keep the process alive.
 *
 * @module
 */

import { type CancellableContext, type Clock, Context, type Timer, messageOf } from '@holdfast/core';

import type { CheckEffect, CheckFact } from './verdict.ts';

/** What a check returns that works, with something amiss. */
export interface HealthWarning {
  /** What is amiss, in a few words. */
  readonly warning: string;
}

/** A check. A throw or `false` is a failure, a {@link HealthWarning} a warning; every other value passes. */
export type HealthProbe = (context: Context) => unknown;

/** How a check is run. */
export interface CheckSettings {
  readonly name: string;
  readonly probe: HealthProbe;
  readonly effect: CheckEffect;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** A check that is being run. */
export class RunningCheck {
  readonly #settings: CheckSettings;
  #result: CheckFact['result'] = 'unknown';
  #reason: string | undefined = undefined;
  #foundAt: number | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #context: CancellableContext | undefined = undefined;
  #isClosed = false;

  constructor(settings: CheckSettings) {
    this.#settings = settings;
  }

  /** Runs it at once, and from then on every `everyMs` milliseconds after its last run has ended. */
  begin(): void {
    void this.#run();
  }

  /** What is known. */
  fact(): CheckFact {
    const { name, effect, clock } = this.#settings;
    const ageMs = this.#foundAt === undefined ? undefined : clock.now() - this.#foundAt;
    return { name, effect, result: this.#result, reason: this.#reason, ageMs };
  }

  close(): void {
    this.#isClosed = true;
    this.#context?.cancel();
    this.#timer?.cancel(); // (3)
  }

  // --- internal ---

  async #run(): Promise<void> {
    const { clock, probe, timeoutMs } = this.#settings;
    const context = Context.withClock(clock).withTimeout(timeoutMs);
    this.#context = context;
    const limit = clock.setTimer(() => this.#noteLate(), timeoutMs); // (2)
    limit.unref();
    try {
      const value = await Promise.resolve(context).then(probe);
      if (context.cancelled) this.#noteLate();
      else this.#noteValue(value);
    } catch (error) {
      if (context.cancelled) this.#noteLate();
      else this.#note('fail', messageOf(error));
    }
    limit.cancel();
    context.cancel(); // (2)
    this.#wait(); // (1)
  }

  #wait(): void {
    if (this.#isClosed) return;
    this.#timer = this.#settings.clock.setTimer(() => void this.#run(), this.#settings.everyMs);
    this.#timer.unref();
  }

  #noteValue(value: unknown): void {
    if (value === false) this.#note('fail', 'the check returned false');
    else if (isWarning(value)) this.#note('warn', value.warning);
    else this.#note('pass', undefined);
  }

  #noteLate(): void {
    this.#note('fail', `no answer within ${this.#settings.timeoutMs} ms`);
  }

  #note(result: 'pass' | 'warn' | 'fail', reason: string | undefined): void {
    if (this.#isClosed) return;
    this.#result = result;
    this.#reason = reason;
    this.#foundAt = this.#settings.clock.now();
  }
}

// --- internal ---

function isWarning(value: unknown): value is HealthWarning {
  return typeof value === 'object' && value !== null && typeof (value as HealthWarning).warning === 'string';
}
