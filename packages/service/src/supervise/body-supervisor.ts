/**
 * Body supervisor: a `Supervisor` at work.
 *
 * @module
 */

import {
  type CancellableContext,
  CancelledError,
  type Clock,
  Context,
  type DrainReport,
  type Events,
  type InFlight,
  type Random,
  type RunInFlight,
  type Timer,
  createInFlight,
  drawFrom,
  fullJitterMs,
  reportHookError,
  requireContext,
  callHook,
  within,
  tellEvent,
} from '@holdfast/core';

import { RestartIntensity } from './restart-intensity.ts';
import { StallWatch } from './stall-watch.ts';
import { ChildExitError, type CrashReport, StalledError, type SupervisedBody } from './supervised-body.ts';

/** Options, checked and completed. */
export interface SupervisorSettings {
  readonly restart: 'permanent' | 'transient' | 'temporary';
  readonly maxRestarts: number;
  readonly withinMs: number;
  readonly safeModeAfterCount: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly healthyAfterMs: number;
  readonly stallAfterMs: number;
  readonly abandonAfterMs: number;
  readonly dependsOn?: readonly string[];
  readonly onCrash?: (report: CrashReport) => unknown;
  readonly onGiveUp?: (report: CrashReport) => unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly events?: Events;
}

/** Where a supervisor is. */
export type SupervisorState = 'new' | 'running' | 'waiting' | 'stopping' | 'stopped' | 'done' | 'gave-up';

/** A supervisor at one instant. */
export interface SupervisorStatus {
  readonly state: SupervisorState;
  /** Runs since it was started. */
  readonly runs: number;
  /** Crashes since it was started. */
  readonly crashes: number;
  readonly isSafeMode: boolean;
  /** Milliseconds until the next run; undefined where it does not wait for one. */
  readonly restartInMs: number | undefined;
  readonly lastCrash: CrashReport | undefined;
}

/** A run has crashed. */
export interface SupervisorCrashedEvent {
  readonly type: 'supervise.crashed';
  readonly policy: 'supervise';
  readonly name: string;
  readonly report: CrashReport;
}

/** It has been restarted too often, and is not any more. */
export interface SupervisorGaveUpEvent {
  readonly type: 'supervise.gave-up';
  readonly policy: 'supervise';
  readonly name: string;
  readonly report: CrashReport;
}

/** How a run ended, before it is judged. */
interface RunEnd {
  readonly kind: CrashReport['kind'];
  readonly error: unknown;
  readonly isAbandoned: boolean;
}

/** A supervisor. */
export class BodySupervisor {
  readonly name: string;
  readonly dependsOn: readonly string[] | undefined;
  readonly #body: SupervisedBody;
  readonly #settings: SupervisorSettings;
  readonly #intensity: RestartIntensity;
  readonly #inFlight: InFlight;
  #state: SupervisorState = 'new';
  #runs = 0;
  #crashes = 0;
  /** Crashes since a run was healthy. */
  #unhealthyCrashes = 0;
  #isSafeMode = false;
  #restartAt: number | undefined = undefined;
  #lastCrash: CrashReport | undefined = undefined;
  #timer: Timer | undefined = undefined;

  constructor(name: string, body: SupervisedBody, settings: SupervisorSettings) {
    this.name = name;
    this.dependsOn = settings.dependsOn;
    this.#body = body;
    this.#settings = settings;
    this.#intensity = new RestartIntensity(settings);
    this.#inFlight = createInFlight({ name, clock: settings.clock, graceMs: 0 });
  }

  start(): void {
    if (this.#state === 'new') void this.#runOnce();
  }

  async drain(context?: Context): Promise<DrainReport> {
    const { clock, abandonAfterMs } = this.#settings;
    if (context !== undefined) requireContext(`${this.name}.drain`, context);
    this.#timer?.cancel(); // (4)
    this.#restartAt = undefined;
    const isOver = this.#state === 'done' || this.#state === 'gave-up';
    if (!isOver) this.#state = 'stopping';
    for (const run of this.#inFlight) run.context.cancel(new CancelledError(`${this.name} is being stopped`));
    const report = await this.#inFlight.drain(context ?? Context.withClock(clock).withTimeout(abandonAfterMs));
    if (!isOver) this.#state = 'stopped';
    return report;
  }

  status(): SupervisorStatus {
    const restartInMs =
      this.#restartAt === undefined ? undefined : Math.max(0, this.#restartAt - this.#settings.clock.now());
    return {
      state: this.#state,
      runs: this.#runs,
      crashes: this.#crashes,
      isSafeMode: this.#isSafeMode,
      restartInMs,
      lastCrash: this.#lastCrash,
    };
  }

  // --- internal ---

  async #runOnce(): Promise<void> {
    const { clock } = this.#settings;
    this.#state = 'running';
    this.#restartAt = undefined;
    this.#runs++;
    const context = Context.withClock(clock).withCancel();
    const run = this.#inFlight.begin(this.name, context);
    const end = await this.#watch(context, run);
    if (this.#state === 'running') this.#judge(end, clock.now() - run.begunAt);
    else if (isTrouble(end, context)) reportHookError('body', end.error, this.name);
  }

  /** Waits until the run has ended, or has to be given up because it is stuck. */
  async #watch(context: CancellableContext, run: RunInFlight): Promise<RunEnd> {
    const { clock, stallAfterMs, abandonAfterMs } = this.#settings;
    const stall = new StallWatch(clock, stallAfterMs, () => context.cancel(new StalledError(this.name, stallAfterMs)));
    const { isSafeMode, lastCrash } = this.#describeRun();
    const handle = { number: this.#runs, isSafeMode, lastCrash, beat: () => stall.beat() };
    const result = this.#follow(
      run,
      Promise.resolve(context).then((own) => this.#body(own, handle)),
    );
    const ended = await stall.orEnd(result);
    if (ended !== undefined) return withStall(ended, context);
    const limit = Context.withClock(clock).withTimeout(abandonAfterMs);
    const ending = await within(() => result, { clock, context: limit }); // it heeds the end of its context, or is left
    return { kind: 'stalled', error: context.cause, isAbandoned: ending.kind === 'late' };
  }

  /** Settles when the body has; the run is over then, whoever still waits for it. */
  async #follow(run: RunInFlight, result: Promise<unknown>): Promise<RunEnd> {
    try {
      await result;
      this.#inFlight.end(run, false);
      return { kind: 'returned', error: undefined, isAbandoned: false };
    } catch (error) {
      this.#inFlight.end(run, true);
      return { kind: 'failed', error, isAbandoned: false };
    }
  }

  #describeRun(): { readonly isSafeMode: boolean; readonly lastCrash: CrashReport | undefined } {
    return { isSafeMode: this.#isSafeMode, lastCrash: this.#lastCrash };
  }

  #judge(end: RunEnd, ranForMs: number): void {
    const { restart, healthyAfterMs } = this.#settings;
    const isOver = restart === 'temporary' || (restart === 'transient' && end.kind === 'returned');
    this.#state = isOver ? 'done' : 'gave-up'; // unless it is to be restarted
    if (isOver && end.kind === 'returned') return;
    this.#crashes++;
    this.#unhealthyCrashes = ranForMs >= healthyAfterMs ? 1 : this.#unhealthyCrashes + 1; // (2)
    this.#lastCrash = this.#report(end, { ranForMs, ...this.#decide(isOver) });
    this.#tellCrash(this.#lastCrash);
  }

  /** Decides whether and when it runs again, and sees to it. */
  #decide(isOver: boolean): Pick<CrashReport, 'verdict' | 'restartInMs'> {
    const verdict = isOver ? 'give-up' : this.#intensity.note(this.#settings.clock.now()); // (3)
    this.#isSafeMode = verdict === 'safe-mode';
    if (verdict === 'give-up') return { verdict, restartInMs: undefined };
    const restartInMs = this.#delayMs();
    this.#wait(restartInMs);
    return { verdict, restartInMs };
  }

  #tell(type: 'supervise.crashed' | 'supervise.gave-up', report: CrashReport): void {
    tellEvent(this.#settings.events, this.name, () => ({ type, policy: 'supervise', name: this.name, report }));
  }

  #report(end: RunEnd, rest: Pick<CrashReport, 'ranForMs' | 'verdict' | 'restartInMs'>): CrashReport {
    const lastOutput = end.error instanceof ChildExitError ? end.error.lastOutput : [];
    return { name: this.name, run: this.#runs, ...end, ...rest, lastOutput };
  }

  #delayMs(): number {
    const { baseDelayMs, maxDelayMs, random } = this.#settings;
    const bounds = { baseMs: baseDelayMs, maxMs: maxDelayMs };
    return fullJitterMs(this.#unhealthyCrashes + 1, bounds, () => drawFrom(random, this.name) ?? 1);
  }

  #wait(delayMs: number): void {
    const { clock } = this.#settings;
    this.#state = 'waiting';
    this.#restartAt = clock.now() + delayMs;
    this.#timer = clock.setTimer(() => void this.#runOnce(), delayMs);
  }

  #tellCrash(report: CrashReport): void {
    const { onCrash, onGiveUp, restart } = this.#settings;
    this.#tell('supervise.crashed', report);
    callHook('onCrash', this.name, () => onCrash?.(report)); // (5)
    if (report.verdict !== 'give-up' || restart === 'temporary') return;
    this.#tell('supervise.gave-up', report);
    callHook('onGiveUp', this.name, () => onGiveUp?.(report));
  }
}

/** Whether a run that was asked to end has failed at that, and not just told that it was asked to. */
function isTrouble({ kind, error }: RunEnd, context: Context): boolean {
  if (kind !== 'failed' || error === context.cause) return false;
  if (error instanceof CancelledError || error instanceof ChildExitError) return false;
  return (error as { readonly name?: unknown } | null | undefined)?.name !== 'AbortError';
}

/** What has ended because it was stuck has stalled, however it ended. */
function withStall(end: RunEnd, context: Context): RunEnd {
  return context.cause instanceof StalledError ? { ...end, kind: 'stalled', error: context.cause } : end;
}
