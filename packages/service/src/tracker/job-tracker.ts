/**
 * Job tracker: a {@link Tracker} at work.
 *
 * @module
 */

import {
  type CancellableContext,
  type Clock,
  ConfigError,
  Context,
  type DrainReport,
  DrainingError,
  type Events,
  type InFlight,
  type Random,
  type RejectionError,
  type RunInFlight,
  createInFlight,
  drawFrom,
  inRange,
  isFunction,
  isName,
  withKnown,
  requireContext,
  callHook,
  tellEvent,
} from '@holdfast/core';

import { RunPlaces } from '../drain/run-place.ts';
import {
  type JobSettings,
  type Tracker,
  type TrackerDrainedEvent,
  type TrackerFailedEvent,
  TrackerFullError,
  type TrackerRefusedEvent,
  type TrackerStatus,
} from './background-work.ts';

/** Options, checked and completed. */
export interface TrackerSettings {
  readonly name: string;
  readonly maxRunning: number;
  readonly jobTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly graceMs: number;
  readonly placeRatio: number;
  readonly onFailure: (error: unknown, job: { readonly name: string }) => unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly events?: Events;
}

/** A tracker. */
export class JobTracker implements Tracker {
  readonly name: string;
  readonly #settings: TrackerSettings;
  readonly #inFlight: InFlight;
  readonly #places = new RunPlaces();
  readonly #counts = { started: 0, succeeded: 0, failed: 0, refused: 0, abandoned: 0, late: 0 };

  constructor(settings: TrackerSettings) {
    this.name = settings.name;
    this.#settings = settings;
    const { name, clock, graceMs } = settings;
    this.#inFlight = createInFlight({
      name,
      clock,
      graceMs,
      placeOf: (job) => this.#places.of(job),
      onDrained: (report) => this.#noteDrained(report),
    });
  }

  go(name: string, work: (context: Context) => unknown, settings: JobSettings = NO_SETTINGS): void {
    isName('tracker.go name', name);
    isFunction('tracker.go work', work);
    const { context, timeoutMs } = this.#resolve(settings);
    this.#admit(name);
    // oxlint-disable-next-line typescript/unbound-method -- it is not called: stacks are noted above it
    const place = this.#places.note(name, this.go, () => this.#draws());
    const own = context.withoutCancel().withTimeout(timeoutMs); // (2)
    void this.#watch(this.#begin(name, own, place), Promise.resolve(own).then(work)); // (3)
  }

  track<P extends PromiseLike<unknown>>(name: string, promise: P): P {
    isName('tracker.track name', name);
    if (typeof promise?.then !== 'function') throw new ConfigError('tracker.track promise', 'a promise', promise);
    if (this.#inFlight.state === 'drained') throw this.#refusal(name, 'draining');
    // oxlint-disable-next-line typescript/unbound-method -- it is not called: stacks are noted above it
    const place = this.#places.note(name, this.track, () => this.#draws());
    const context = Context.withClock(this.#settings.clock).withCancel();
    void this.#watch(this.#begin(name, context, place), promise);
    return promise;
  }

  drain(context?: Context): Promise<DrainReport> {
    const { clock, drainTimeoutMs } = this.#settings;
    if (context !== undefined) requireContext('tracker.drain', context);
    return this.#inFlight.drain(context ?? Context.withClock(clock).withTimeout(drainTimeoutMs));
  }

  isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  status(): TrackerStatus {
    const runs = [...this.#inFlight];
    const oldest = runs[0]?.begunAt;
    return {
      state: this.#inFlight.state,
      running: runs.length,
      overdue: runs.filter(({ context }) => context.cancelled).length,
      oldestAgeMs: oldest === undefined ? 0 : this.#settings.clock.now() - oldest,
      ...this.#counts,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  // --- internal ---

  #resolve(settings: JobSettings): { readonly context: Context; readonly timeoutMs: number } {
    const { clock, jobTimeoutMs } = this.#settings;
    if (settings !== NO_SETTINGS) withKnown('tracker.go', NO_SETTINGS, settings, ['context', 'timeoutMs']);
    const { context = Context.withClock(clock), timeoutMs = jobTimeoutMs } = settings;
    if (settings !== NO_SETTINGS) {
      inRange('tracker.go.timeoutMs', timeoutMs, [1, Infinity]);
      requireContext('tracker.go', context);
    }
    return { context, timeoutMs };
  }

  #admit(name: string): void {
    if (!this.#inFlight.isOpen) throw this.#refusal(name, 'draining');
    if (this.#inFlight.size >= this.#settings.maxRunning) throw this.#refusal(name, 'full');
  }

  #refusal(job: string, reason: 'draining' | 'full'): RejectionError {
    const { name, maxRunning } = this.#settings;
    this.#counts.refused++;
    this.#tell(() => ({ type: 'tracker.refused', policy: 'tracker', name, job, reason }));
    return reason === 'full' ? new TrackerFullError(name, job, maxRunning) : new DrainingError(name, job);
  }

  #draws(): boolean {
    const { random, placeRatio, name } = this.#settings;
    return placeRatio > 0 && (drawFrom(random, name) ?? 1) < placeRatio;
  }

  #begin(name: string, context: CancellableContext, place: string | undefined): RunInFlight {
    this.#counts.started++;
    return this.#inFlight.begin(name, context, place);
  }

  async #watch(run: RunInFlight, result: PromiseLike<unknown>): Promise<void> {
    try {
      await result;
      this.#settle(run, false);
    } catch (error) {
      this.#settle(run, true);
      this.#tellFailure(run.name, error); // (4)
    }
  }

  #settle(run: RunInFlight, hasFailed: boolean): void {
    if (!this.#inFlight.end(run, hasFailed)) this.#counts.late++;
    else if (hasFailed) this.#counts.failed++;
    else this.#counts.succeeded++;
  }

  #tellFailure(job: string, error: unknown): void {
    const { name, onFailure } = this.#settings;
    this.#tell(() => ({ type: 'tracker.failed', policy: 'tracker', name, job, error }));
    callHook('onFailure', name, () => onFailure(error, { name: job }));
  }

  #noteDrained(report: DrainReport): void {
    const { name } = this.#settings;
    this.#counts.abandoned += report.abandoned.length;
    this.#tell(() => ({ type: 'tracker.drained', policy: 'tracker', name, report }));
  }

  #tell(event: () => TrackerFailedEvent | TrackerRefusedEvent | TrackerDrainedEvent): void {
    tellEvent(this.#settings.events, this.#settings.name, event);
  }
}

// --- internal ---

const NO_SETTINGS: JobSettings = Object.freeze({});
