/**
 * Feature cell: what one process knows of one feature. It is the handle that call sites read.
 *
 *   overrides ──┐
 *   automatic ──┼─► decide ─► settled: one reading for everybody, until `nextEventAt`
 *   level ──────┘         └─► or per request: by bucket and attributes
 *
 * Invariants
 *  (1) An override is in force until its expiry and not after, whether or not a timer has fired; where it has a plan to
 *      restore, the steps of that begin then.
 *  (2) A record that does not supersede the one that is here changes nothing.
 *  (3) Each change is told once.
 *  (4) At most one timer waits, only while something is to happen by itself, and it does not keep the process alive.
 *  (5) Reading never throws, and makes nothing once the same grounds were read before.
 *  (6) What it knows of overrides nobody else can change: neither who made a record, nor who was shown it.
 *
 * @module
 */

import { type Clock, type Context, type Random, type Timer, reportHookError } from '@holdfast/core';

import type { AuditedChange, ChangeCause } from './audit-trail.ts';
import type { FeatureDefinition } from './catalogue.ts';
import { noteReading } from './degraded-notice.ts';
import { decideMode, readingOf, showOverrides, statusOf } from './feature-decision.ts';
import { type FeatureRecord, aged, supersedes, unchangedRecord } from './feature-record.ts';
import type { FeatureStatus } from './feature-status.ts';
import { isSameForAll, positionAtLevel } from './level-map.ts';
import { type LiveOverride, type Place, dueAt, isFor, isForAll, toLive } from './live-override.ts';
import type { OverrideRecord } from './override.ts';
import { frozenCopy } from './plain-data.ts';
import type { Decision } from './precedence.ts';
import type { FeatureHandle, MatchResult, Matched, Reading } from './reading.ts';
import { RequestReadings } from './request-readings.ts';
import type { ServiceLevel } from './service-level.ts';
import { type Target, soundTarget, targetOf } from './targeting.ts';
import { toIsoTime } from './wall-clock.ts';
import { leftAfter, stepBack } from './way-back.ts';

/** What a cell needs besides its definition. */
export interface CellPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly wallClock: () => number;
  readonly place: Place;
  readonly level: ServiceLevel;
  /** Whether a feature may be restored by one more step. Must not throw. */
  readonly mayRestore: (feature: string) => boolean;
  readonly onChange: (change: AuditedChange) => void;
}

/** The state of one feature in one process. */
export class FeatureCell implements FeatureHandle {
  readonly name: string;
  readonly definition: FeatureDefinition;
  private readonly ports: CellPorts;
  private readonly served: number[];
  private live: readonly LiveOverride[] = [];
  private last: FeatureRecord;
  private takenAt: number;
  /** What every request gets, where it is the same. */
  private settled: Reading | undefined = undefined;
  /** What requests get, where it is not. */
  private byRequest!: RequestReadings;
  private nextEventAt = Infinity;
  private decision!: Decision<LiveOverride>;
  private timer: Timer | undefined = undefined;
  private isClosed = false;

  constructor(name: string, definition: FeatureDefinition, ports: CellPorts) {
    this.name = name;
    this.definition = definition;
    this.ports = ports;
    this.served = definition.modes.map(() => 0);
    this.last = unchangedRecord(name);
    this.takenAt = ports.clock.now();
    this.refresh(this.takenAt);
  }

  get mode(): string {
    this.sweep();
    return this.shownMode;
  }

  get revision(): number {
    return this.last.revision;
  }

  /** The position that controllers ask for at present, for nobody in particular. */
  get automaticPosition(): number {
    this.sweep();
    return this.decideFor(this.live.filter(({ source }) => source === 'automatic')).position;
  }

  /** Overrides of people and schedules that are in force, those that are being taken back included. */
  overrides(): readonly LiveOverride[] {
    this.sweep();
    return this.live.filter(({ source }) => source !== 'automatic');
  }

  /** Overrides that a record of this feature must go on naming: those for other processes included. */
  unexpired(): readonly OverrideRecord[] {
    return this.record().overrides.filter(({ remainingMs }) => remainingMs > 0);
  }

  read(context?: Context, request?: Target): Reading {
    if (this.nextEventAt !== Infinity) this.sweep();
    const reading = this.settled ?? this.readFor(request ?? targetOf(context)); // (5)
    if (context !== undefined) noteReading(context, reading);
    return reading;
  }

  match<Given extends Matched<string, Readonly<Record<string, unknown>>>>(
    functions: Given,
    context?: Context,
  ): MatchResult<Given> {
    const reading = this.read(context);
    this.countServed(reading.mode);
    return (functions[reading.mode] as Given[string])(reading.params, context) as MatchResult<Given>;
  }

  countServed(mode: string): void {
    const position = this.definition.modes.indexOf(mode);
    this.served[position] = (this.served[position] ?? 0) + 1;
  }

  /** Lets happen what is due by now, one after the other. */
  sweep(): void {
    if (this.nextEventAt === Infinity) return;
    const now = this.ports.clock.now();
    while (this.nextEventAt <= now) this.happen(this.nextEventAt); // (1)
  }

  /** Takes `record` if it supersedes what is here. Returns whether it did. */
  replace(record: FeatureRecord): boolean {
    this.sweep();
    if (!supersedes(record, this.last)) return false; // (2)
    this.take(frozenCopy(record)); // (6)
    return true;
  }

  /** Sets, renews or, with undefined, ends what one controller asks for. */
  setAutomatic(id: string, record: OverrideRecord | undefined, author: { actor: string; reason: string }): void {
    this.sweep();
    const { clock, place } = this.ports;
    const now = clock.now();
    const others = this.live.filter((one) => one.id !== id);
    const mine = record === undefined ? undefined : toLive(frozenCopy(record), this.definition.modes, { now, place });
    this.change('automatic', { ...author, at: now }, mine === undefined ? others : [...others, mine]);
  }

  /** The level is another one. */
  levelChanged(): void {
    this.sweep();
    if (this.definition.onLevel.length === 0) return;
    const { actor, reason } = this.ports.level;
    this.change('automatic', { actor, reason, at: this.ports.clock.now() }, this.live);
  }

  /** The record that other instances should have. */
  record(): FeatureRecord {
    return aged(this.last, this.ports.clock.now() - this.takenAt);
  }

  status(): FeatureStatus {
    this.sweep();
    const now = this.ports.clock.now();
    const served = this.definition.modes.map((mode, position) => [mode, this.served[position] ?? 0]);
    return {
      ...statusOf({ name: this.name, definition: this.definition }, this.decision),
      revision: this.last.revision,
      level: this.ports.level.at(now),
      ...showOverrides(this.live, this.decision.override, { now, calendarMs: this.ports.wallClock() }),
      served: Object.fromEntries(served),
    };
  }

  close(): void {
    this.isClosed = true;
    this.timer?.cancel();
  }

  private take(record: FeatureRecord): void {
    const { clock, place } = this.ports;
    const now = clock.now();
    const next = record.overrides.flatMap((one) => toLive(one, this.definition.modes, { now, place }) ?? []);
    const kept = leftAfter(record, this.live, now);
    const isEnding = record.overrides.every((one) => one.revision !== record.revision);
    const isSilent = next.length === 0 && this.live.every(({ source }) => source === 'automatic');
    this.last = record;
    this.takenAt = now;
    if (isSilent) return; // nothing was in force, and nothing is
    this.change(isEnding ? 'restored' : 'set', { ...record, at: now }, [...kept, ...next]);
  }

  private get shownMode(): string {
    return this.definition.modes[this.decision.position] as string;
  }

  private readFor(request: Target | undefined): Reading {
    try {
      const sound = soundTarget(request);
      return this.byRequest.of(sound, sound?.key === undefined ? this.ports.random() : 0);
    } catch (error) {
      reportHookError('target', error, this.name); // (5): an attribute that throws when it is read
      return this.byRequest.of(undefined, this.ports.random());
    }
  }

  /** Decides for nobody in particular. */
  private decideFor(overrides: readonly LiveOverride[], at: number = this.ports.clock.now()): Decision<LiveOverride> {
    const { onLevel } = this.definition;
    const level = onLevel.length === 0 ? 0 : this.ports.level.at(at);
    return decideMode(this.definition, { overrides, levelPosition: positionAtLevel(onLevel, level, MIDDLE) });
  }

  private requestReadings(level: number): RequestReadings {
    const { live, definition } = this;
    const decide = (overrides: readonly LiveOverride[], levelPosition: number) =>
      this.toReading(decideMode(definition, { overrides, levelPosition }), false);
    return new RequestReadings({ live, onLevel: definition.onLevel, level, decide });
  }

  private toReading(decision: Decision<LiveOverride>, isSame: boolean): Reading {
    const terms = { levelReason: this.ports.level.reason, isForAll: isSame };
    return readingOf({ name: this.name, definition: this.definition }, decision, terms);
  }

  /** Expires an override, takes a step back, or ends a level that nobody renewed. */
  private happen(at: number): void {
    const due = this.live.find((one) => dueAt(one) <= at);
    if (due === undefined) {
      const { actor, reason } = this.ports.level;
      this.change('automatic', { actor, reason, at }, this.live);
      return;
    }
    const others = this.live.filter((one) => one !== due);
    const { actor, reason } = due.record;
    const cause = due.ramp === undefined ? 'expired' : 'restoring';
    const { random, mayRestore } = this.ports;
    const left = stepBack(due, { now: at, random, mayRestore: () => mayRestore(this.name) });
    this.change(cause, { actor, reason, at }, [...others, ...left]);
  }

  /** Puts `live` in force and tells of it. What controllers do is told only where the mode changes. */
  private change(cause: ChangeCause, { actor, reason, at }: Cause, live: readonly LiveOverride[]): void {
    const from = this.shownMode;
    this.live = live;
    this.refresh(at);
    const to = this.shownMode;
    if (from === to && (cause === 'automatic' || cause === 'restoring')) return;
    const { clock, wallClock, onChange } = this.ports;
    const calendarMs = wallClock();
    const sinceMs = clock.now() - at;
    const override = this.decision.override;
    const expiresAt = override === undefined ? undefined : toIsoTime(calendarMs - sinceMs + override.expiresAt - at);
    const { revision } = this.last;
    const author = { actor, reason, revision, cause, at: toIsoTime(calendarMs - sinceMs) ?? '' };
    const params = override?.record.params;
    onChange({ feature: this.name, from, to, ...author, expiresAt, ...(params !== undefined && { params }) }); // (3)
  }

  private refresh(at: number): void {
    const { level } = this.ports;
    const { onLevel } = this.definition;
    const isConcerned = onLevel.length > 0;
    const current = isConcerned ? level.at(at) : 0;
    this.nextEventAt = Math.min(isConcerned && current > 0 ? level.expiresAt : Infinity, ...this.live.map(dueAt));
    this.decision = this.decideFor(
      this.live.filter((one) => isFor(one, undefined, MIDDLE)),
      at,
    );
    const isSettled = this.live.every(isForAll) && isSameForAll(onLevel, current);
    this.settled = isSettled ? Object.freeze(this.toReading(this.decision, true)) : undefined;
    if (!isSettled) this.byRequest = this.requestReadings(current);
    this.arm();
  }

  private arm(): void {
    this.timer?.cancel(); // (4)
    this.timer = undefined;
    if (this.nextEventAt === Infinity || this.isClosed) return;
    const { clock } = this.ports;
    this.timer = clock.setTimer(() => this.sweep(), this.nextEventAt - clock.now());
    this.timer.unref();
  }
}

// --- internal ---

/** The bucket of nobody in particular. */
const MIDDLE = 0.5;

/** Who caused a change, why and when on this process's clock. */
interface Cause {
  readonly actor: string;
  readonly reason: string;
  readonly at: number;
}
