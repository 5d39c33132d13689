/**
 * Experiment: what the calls through one chaos policy share: whether anything is injected now, and what was.
 *
 *   off ── enforcement: enforce, observe ─► running ── a stop condition holds ─► stopped
 *    ▲                                        │ ▲                                   │
 *    └──────────── enforcement: off ──────────┘ └─ a limit is raised, or a new run ─┘
 *
 * A run begins whenever the enforcement changes, and at creation. Limits count by the run; counters never go back.
 *
 * Invariants
 *  (1) A run makes at most `maxInjections` injections, and none `forMs` after it began.
 *  (2) Once `stopWhen` has said so, the run makes no injection any more.
 *  (3) There is no timer: whether it has stopped is found out when an injection is about to be made.
 *  (4) A predicate or a random source that fails injects nothing; a `stopWhen` that fails stops.
 *
 * @module
 */

import { type Clock, readOnce } from '../../kernel/clock.ts';
import type { Context } from '../../kernel/context.ts';
import type { Enforcement } from '../../kernel/description.ts';
import type { CaptureAsyncContext } from '../../kernel/async-context.ts';
import type { Events } from '../../kernel/events.ts';
import { askHook } from '../../kernel/hooks.ts';
import { type Random, drawFrom } from '../../kernel/random.ts';
import { type ChaosInjectionKind, type Injection, isAimedAt } from './injection.ts';

/** How a run goes. */
type Mode = Exclude<Enforcement, 'off'>;

/** Why a run makes no injections any more. */
export type ChaosStopReason = 'max-injections' | 'time' | 'stop-when';

/** A call was disturbed, or would have been. */
export interface ChaosInjectedEvent {
  readonly type: 'chaos.injected';
  readonly policy: 'chaos';
  readonly name: string;
  readonly injection: ChaosInjectionKind;
  /** `observe`: nothing was done to the call. */
  readonly enforcement: 'enforce' | 'observe';
}

/** A run has stopped: it was found out when the next injection was about to be made. */
export interface ChaosStoppedEvent {
  readonly type: 'chaos.stopped';
  readonly policy: 'chaos';
  readonly name: string;
  readonly reason: ChaosStopReason;
}

/** A chaos policy at one instant. Counts are since it was created, except those of the run. */
export interface ChaosSnapshot {
  /** Whether the next call may be disturbed, or counted as one that would be. */
  readonly isRunning: boolean;
  /** Why the run has stopped; undefined while it runs, and where nothing has begun. */
  readonly stoppedBy: ChaosStopReason | undefined;
  /** Calls that came while it was not off. */
  readonly calls: number;
  /** Injections made, by kind. */
  readonly injected: Readonly<Record<ChaosInjectionKind, number>>;
  /** Injections that were only counted, by kind. */
  readonly observed: Readonly<Record<ChaosInjectionKind, number>>;
  /** Injections of this run, made or counted. */
  readonly runInjections: number;
  /** Calls that are being delayed now. */
  readonly delayed: number;
}

/** The options that can change. */
export interface ChaosLimits {
  readonly injections: readonly Injection[];
  readonly maxInjections: number;
  readonly forMs: number;
  readonly stopWhen: (snapshot: ChaosSnapshot) => boolean;
  readonly enforcement: Enforcement;
}

/** What stays as it was at creation. */
export interface ChaosBasis {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
}

/** A call that is being delayed. */
export interface Delayed {
  /** Lets the call go on at once. Must not throw. */
  letGo(): void;
}

/** The state of one chaos policy. */
export class Experiment {
  readonly basis: ChaosBasis;
  limits: ChaosLimits;
  readonly delayed: Set<Delayed> = new Set();
  calls = 0;
  private readonly injected = zeros();
  private readonly observed = zeros();
  private run = 0;
  private runInjections = 0;
  private beganAt = 0;
  private wasStopped = false;
  private hasToldStop = false;
  /** Whether `stopWhen` is being asked: calls that it makes itself are left alone. */
  private isAsking = false;

  constructor(basis: ChaosBasis, limits: ChaosLimits) {
    this.basis = basis;
    this.limits = limits;
    this.begin();
  }

  /** Takes new limits. A change of enforcement begins a new run, and lets go of the calls that are being delayed. */
  change(limits: ChaosLimits): void {
    const before = this.limits.enforcement;
    this.limits = limits;
    this.hasToldStop = false;
    if (limits.enforcement === before) return;
    this.begin();
    this.letGo();
  }

  /** Whether `injection` hits a call: it aims at it, and the draw says so. */
  hits(injection: Injection, context: Context): boolean {
    if (!isAimedAt(injection, context, this.basis.name)) return false;
    const draw = this.draw();
    return draw !== undefined && draw < injection.callRatio;
  }

  /** Claims an injection for a call that is hit and began under `mode`, unless the run has stopped. Returns its run, if any. */
  claim({ kind }: Injection, mode: Mode, calledAt: number): number | undefined {
    if (this.limits.enforcement !== mode || this.isAsking) return undefined;
    const now = this.limits.forMs === Infinity ? calledAt : readOnce(this.basis.clock, calledAt);
    const reason = this.stopReason(now) ?? this.askStop();
    if (reason !== undefined) {
      this.tellStopped(reason);
      return undefined;
    }
    const { enforcement, maxInjections } = this.limits; // stopWhen may have changed them, and made calls of its own
    if (enforcement !== mode || this.runInjections >= maxInjections) return undefined;
    this.runInjections++; // (1)
    (mode === 'enforce' ? this.injected : this.observed)[kind]++;
    return this.run;
  }

  /** Whether the run in which an injection was claimed goes on. */
  isUnderWay(run: number): boolean {
    return run === this.run && !this.wasStopped;
  }

  /** Gives a claim back: what was to be injected could not be made. */
  giveBack({ kind }: Injection, run: number): void {
    this.injected[kind]--;
    if (run === this.run) this.runInjections--;
  }

  /** A number from 0 to 1, 1 excluded; undefined where the source of randomness fails. */
  draw(): number | undefined {
    return drawFrom(this.basis.random, this.basis.name); // (4)
  }

  tellInjected(kind: ChaosInjectionKind, enforcement: Mode): void {
    const { events, name } = this.basis;
    if (!events.active) return;
    const event: ChaosInjectedEvent = {
      type: 'chaos.injected',
      policy: 'chaos',
      name,
      injection: kind,
      enforcement,
    };
    events.emit(event);
  }

  snapshot(): ChaosSnapshot {
    const { enforcement, forMs } = this.limits;
    const isOn = enforcement !== 'off';
    const now = isOn && forMs !== Infinity ? this.basis.clock.now() : 0;
    const stoppedBy = isOn ? this.stopReason(now) : undefined;
    return {
      isRunning: isOn && stoppedBy === undefined,
      stoppedBy,
      calls: this.calls,
      injected: { ...this.injected },
      observed: { ...this.observed },
      runInjections: this.runInjections,
      delayed: this.delayed.size,
    };
  }

  private begin(): void {
    this.run++;
    this.runInjections = 0;
    this.wasStopped = false;
    if (this.limits.enforcement !== 'off') this.beganAt = this.basis.clock.now();
  }

  /** Why the run is known to have stopped. `now` matters only where `forMs` is finite. (3) */
  private stopReason(now: number): ChaosStopReason | undefined {
    if (this.wasStopped) return 'stop-when'; // (2)
    if (this.runInjections >= this.limits.maxInjections) return 'max-injections';
    return this.limits.forMs !== Infinity && now - this.beganAt >= this.limits.forMs ? 'time' : undefined;
  }

  private askStop(): ChaosStopReason | undefined {
    const { stopWhen } = this.limits;
    if (stopWhen === never) return undefined;
    const ask = (): unknown => stopWhen(this.snapshot());
    this.isAsking = true;
    const isOver = askHook('stopWhen', this.basis.name, ask, () => true); // (4)
    this.isAsking = false;
    if (!isOver) return undefined;
    this.wasStopped = true;
    this.letGo();
    return 'stop-when';
  }

  private letGo(): void {
    const all = [...this.delayed]; // a copy: who goes on may be delayed anew
    for (const call of all) call.letGo();
  }

  private tellStopped(reason: ChaosStopReason): void {
    const { events, name } = this.basis;
    if (this.hasToldStop) return;
    this.hasToldStop = true;
    if (!events.active) return;
    const event: ChaosStoppedEvent = { type: 'chaos.stopped', policy: 'chaos', name, reason };
    events.emit(event);
  }
}

/** A `stopWhen` that never stops. */
export function never(): boolean {
  return false;
}

// --- internal ---

function zeros(): Record<ChaosInjectionKind, number> {
  return { fault: 0, latency: 0, outcome: 0, behaviour: 0 };
}
