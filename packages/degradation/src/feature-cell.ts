/**
 * Feature cell: what one process knows of one feature. It is the handle that call sites read.
 *
 *   default ───── replace (a mode) ────► overridden ──┐ replace (another mode)
 *      ▲                                  │       ▲   │
 *      ├── replace (no mode) ─────────────┤       └───┘
 *      └── sweep, its time is over ───────┘
 *
 *  default    -> overridden   replace()   somebody, here or elsewhere, set a mode
 *  overridden -> overridden   replace()   somebody set a mode, the same one included
 *  overridden -> default      replace()   somebody restored the feature
 *  overridden -> default      sweep()     read, listed, changed or timed after its expiry, whichever comes first
 *
 * Invariants
 *  (1) An override is in force until its expiry and not after, whether or not a timer has fired.
 *  (2) The revision grows with each change, the expiry included.
 *  (3) Each change is told once.
 *  (4) At most one timer waits, only while an override is in force, and it does not keep the process alive.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

import type { AuditEntry, ChangeCause } from './audit-trail.ts';
import type { FeatureDefinition } from './catalogue.ts';
import { type FeatureRecord, supersedes } from './feature-record.ts';
import { toIsoTime } from './wall-clock.ts';

/** A feature, found once and then read for nanoseconds. */
export interface FeatureHandle<Mode extends string = string> {
  readonly name: string;
  /** The mode in force now. Never throws. */
  readonly mode: Mode;
}

/** What put a feature into its mode, for people. */
export interface OverrideStatus {
  readonly mode: string;
  readonly actor: string;
  readonly reason: string;
  /** Calendar time, ISO 8601, UTC. */
  readonly setAt: string;
  /** Calendar time, ISO 8601, UTC. What counts is `remainingMs`, which does not move when the calendar is set. */
  readonly expiresAt: string;
  /** Milliseconds until it expires. */
  readonly remainingMs: number;
}

/** A feature at one instant. */
export interface FeatureStatus {
  readonly name: string;
  /** Names of its modes, best first. */
  readonly modes: readonly string[];
  /** The mode in force. */
  readonly mode: string;
  readonly defaultMode: string;
  readonly owner: string | undefined;
  readonly notice: string | undefined;
  readonly essential: boolean;
  /** Number of changes so far, those of other instances included; for `ifRevision`. */
  readonly revision: number;
  /** What put it into its mode; undefined while it is in its default. */
  readonly override: OverrideStatus | undefined;
  /** Calls by the mode they were handed to, since this process started. */
  readonly served: Readonly<Record<string, number>>;
}

/** What a cell needs besides its definition. */
export interface CellPorts {
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly onChange: (change: AuditEntry) => void;
}

/** The state of one feature in one process. */
export class FeatureCell implements FeatureHandle {
  readonly name: string;
  readonly definition: FeatureDefinition;
  private readonly ports: CellPorts;
  private readonly served: Map<string, number>;
  private override: Override | undefined = undefined;
  private last: Omit<FeatureRecord, 'remainingMs' | 'mode'>;

  constructor(name: string, definition: FeatureDefinition, ports: CellPorts) {
    this.name = name;
    this.definition = definition;
    this.ports = ports;
    this.served = new Map(definition.modes.map((mode) => [mode, 0]));
    this.last = { feature: name, revision: 0, origin: '', actor: '', reason: '', changedAtMs: 0 };
  }

  get mode(): string {
    if (this.override === undefined) return this.definition.modes[0];
    this.sweep();
    return this.modeInForce;
  }

  get revision(): number {
    this.sweep();
    return this.last.revision;
  }

  get isOverridden(): boolean {
    this.sweep();
    return this.override !== undefined;
  }

  countServed(mode: string): void {
    this.served.set(mode, (this.served.get(mode) ?? 0) + 1);
  }

  /** Ends the override if its time is over. */
  sweep(): void {
    const { override } = this;
    if (override === undefined || this.ports.clock.now() < override.expiresAt) return; // (1)
    const from = override.mode;
    this.end();
    this.last = { ...this.last, revision: this.last.revision + 1, origin: '' }; // (2)
    this.tell('expired', from, override.expiresAtIso); // (3)
  }

  /** Takes `record` if it supersedes what is here. Returns whether it did. A mode unknown here stands for the default. */
  replace(record: FeatureRecord): boolean {
    this.sweep();
    if (!supersedes(record, this.last)) return false;
    const { feature, revision, origin, actor, reason, changedAtMs, mode, remainingMs } = record;
    const times = mode === undefined ? undefined : this.timesOf(changedAtMs, remainingMs);
    const from = this.modeInForce;
    const wasOverridden = this.override !== undefined;
    this.end();
    this.last = { feature, revision, origin, actor, reason, changedAtMs };
    if (mode === undefined) {
      if (wasOverridden) this.tell('restored', from, toIsoTime(changedAtMs) ?? ''); // (3): without one nothing ends
    } else if (times === undefined) {
      this.last = { ...this.last, revision: revision + 1, origin: '' }; // it has expired on its way here
      if (wasOverridden) this.tell('expired', from, toIsoTime(changedAtMs + remainingMs) ?? '');
    } else {
      this.begin(mode, times);
      this.tell('set', from, times.setAtIso);
    }
    return true;
  }

  /** The record that other instances should have. */
  record(): FeatureRecord {
    this.sweep();
    const { override } = this;
    const remainingMs = override === undefined ? 0 : override.expiresAt - this.ports.clock.now();
    return { ...this.last, mode: override?.givenMode, remainingMs };
  }

  status(): FeatureStatus {
    this.sweep();
    const { name, definition, override } = this;
    return {
      name,
      ...definition,
      mode: this.modeInForce,
      defaultMode: definition.modes[0],
      revision: this.last.revision,
      override: override === undefined ? undefined : this.describe(override),
      served: Object.fromEntries(this.served),
    };
  }

  close(): void {
    this.override?.timer.cancel();
  }

  private get modeInForce(): string {
    return this.override?.mode ?? this.definition.modes[0];
  }

  private begin(givenMode: string, times: OverrideTimes): void {
    const { modes } = this.definition;
    const mode = modes.includes(givenMode) ? givenMode : modes[0];
    const timer = this.ports.clock.setTimer(() => this.sweep(), times.remainingMs);
    timer.unref(); // (4)
    this.override = { mode, givenMode, timer, ...times };
  }

  private end(): void {
    this.override?.timer.cancel(); // (4)
    this.override = undefined;
  }

  private timesOf(changedAtMs: number, remainingMs: number): OverrideTimes | undefined {
    if (remainingMs <= 0) return undefined;
    const { clock, wallClock } = this.ports;
    return {
      remainingMs,
      expiresAt: clock.now() + remainingMs,
      setAtIso: toIsoTime(changedAtMs) ?? '',
      expiresAtIso: toIsoTime(wallClock() + remainingMs) ?? '',
    };
  }

  private describe(override: Override): OverrideStatus {
    const { mode, setAtIso: setAt, expiresAtIso: expiresAt } = override;
    const { actor, reason } = this.last;
    return { mode, actor, reason, setAt, expiresAt, remainingMs: override.expiresAt - this.ports.clock.now() };
  }

  private tell(cause: ChangeCause, from: string, at: string): void {
    const { feature, actor, reason, revision } = this.last;
    const expiresAt = this.override?.expiresAtIso;
    this.ports.onChange({ feature, from, to: this.modeInForce, actor, reason, revision, cause, at, expiresAt });
  }
}

// --- internal ---

interface OverrideTimes {
  readonly remainingMs: number;
  readonly expiresAt: number;
  readonly setAtIso: string;
  readonly expiresAtIso: string;
}

interface Override extends OverrideTimes {
  readonly mode: string;
  /** The mode that was asked for; another one where this version of the service does not know it. */
  readonly givenMode: string;
  readonly timer: Timer;
}
