/**
 * Feature table: the features of one process, joined with a store and told to whoever listens.
 *
 * @module
 */

import { type Clock, type Context, type Events, type Policy, type Random, askHook, oneOf } from '@holdfast/core';

import { type AuditEntry, type AuditedChange, AuditTrail } from './audit-trail.ts';
import { Ladder, type LadderOptions, branch, ladderFunction, ladderPolicy } from './branch.ts';
import type { Catalogue } from './catalogue.ts';
import { FeatureCell } from './feature-cell.ts';
import { automaticId, automaticOverride, recordOfRestore, recordOfSet } from './feature-change.ts';
import type { FeatureControl } from './feature-control.ts';
import { FeatureError, show } from './feature-error.ts';
import { tellChange, tellOverwritten, tellStoreFailure } from './feature-events.ts';
import { type FeatureRecord, randomOrigin } from './feature-record.ts';
import type { FeatureStatus } from './feature-status.ts';
import type { FeatureStore } from './feature-store.ts';
import { LastKnownGood, type SnapshotPort } from './last-known-good.ts';
import type { Place } from './live-override.ts';
import type { ModeChange, Restoration } from './mode-change.ts';
import { OwnChanges } from './own-changes.ts';
import type { FeatureHandle } from './reading.ts';
import { changeOf } from './record-change.ts';
import { RecordIntake } from './record-intake.ts';
import { type LevelChange, DEFAULT_AUTOMATIC_MS, ServiceLevel, checkLevelChange } from './service-level.ts';
import type { HashFunction, Seal } from './sha256.ts';
import { StoreLink, type StoreOperation, type StoreStatus } from './store-link.ts';
import { type WallClock, requireCalendarTime } from './wall-clock.ts';

/** What a table needs: checked options. */
export interface FeatureTableParts {
  readonly features: Catalogue;
  readonly store: FeatureStore;
  readonly lastKnownGood: SnapshotPort | undefined;
  readonly maxSnapshotAgeMs: number;
  readonly snapshotDelayMs: number;
  readonly seal: Seal;
  readonly hash: HashFunction;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly wallClock: WallClock;
  readonly place: Place;
  readonly mayRestore: (feature: string) => boolean;
  readonly maxAuditEntries: number;
  readonly storeTimeoutMs: number;
  readonly storeRetryMs: number;
}

/** The features of one process. */
export class FeatureTable implements FeatureControl {
  readonly #parts: FeatureTableParts;
  readonly #cells: ReadonlyMap<string, FeatureCell>;
  readonly #level = new ServiceLevel();
  readonly #trail: AuditTrail;
  readonly #link: StoreLink;
  readonly #kept: LastKnownGood | undefined;
  readonly #own: OwnChanges;
  readonly #intake: RecordIntake;
  #isClosed = false;

  constructor(parts: FeatureTableParts) {
    const { clock, random } = parts;
    this.#parts = parts;
    this.#own = new OwnChanges(randomOrigin(random), (lost, kept) => tellOverwritten(parts.events, lost, kept));
    this.#trail = new AuditTrail(parts.maxAuditEntries, parts.hash);
    this.#cells = this.#makeCells();
    this.#intake = new RecordIntake({ cells: this.#cells, own: this.#own, onTaken: () => this.#kept?.keep() });
    this.#kept = this.#makeKept();
    this.#link = new StoreLink({
      store: parts.store,
      clock,
      random,
      timeoutMs: parts.storeTimeoutMs,
      retryMs: parts.storeRetryMs,
      before: this.#kept?.loaded,
      recordOf: (feature) => this.#cell(feature).record(),
      changeOf: (feature) => changeOf(this.#trail, this.#cell(feature), this.#calendarTime()),
      adopt: (record) => this.#intake.fromStore(record),
      onLoaded: (records) => this.#offerWhatLacks(records),
      onFailure: (operation, error) => this.#tellFailure(operation, error),
    });
  }

  get events(): Events {
    return this.#parts.events;
  }

  get loaded(): Promise<void> {
    return this.#link.loaded;
  }

  get features(): Catalogue {
    return this.#parts.features;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  mode(name: string): string {
    return (this.#cells.get(name) ?? this.#cell(name)).mode;
  }

  handle(name: string): FeatureHandle {
    return this.#cell(name);
  }

  feature(name: string, functions: unknown, options?: unknown): AnyCall {
    return branch(this.#cell(name), functions, options);
  }

  ladder(name: string, functions: unknown, options: LadderOptions = {}): AnyCall {
    const cell = this.#cell(name);
    return ladderFunction(cell, functions, new Ladder(cell, options, this.#parts));
  }

  policy(name: string, best: string, functions: unknown, options: LadderOptions = {}): Policy<unknown> {
    const cell = this.#cell(name);
    oneOf(`${name}: the mode of the operation`, best, [cell.definition.modes[0]]);
    return ladderPolicy(cell, functions, new Ladder(cell, options, this.#parts));
  }

  list(): readonly FeatureStatus[] {
    return [...this.#cells.values()].map((cell) => cell.status());
  }

  status(name: string): FeatureStatus {
    return this.#cell(name).status();
  }

  set(name: string, mode: string, change: ModeChange): FeatureStatus {
    const cell = this.#cell(name);
    const record = recordOfSet(cell, mode, change);
    return this.#make(cell, record);
  }

  restore(name: string, change: Restoration): FeatureStatus {
    const cell = this.#cell(name);
    const record = recordOfRestore(cell, change);
    if (record !== undefined) return this.#make(cell, record);
    this.#refuseClosed(name);
    return cell.status();
  }

  level(): { readonly level: number; readonly reason: string } {
    const level = this.#level.at(this.#parts.clock.now());
    return { level, reason: level === 0 ? '' : this.#level.reason };
  }

  setLevel(level: number, change: LevelChange): void {
    checkLevelChange(level, change);
    this.#refuseClosed('the level');
    const now = this.#parts.clock.now();
    const isSame = this.#level.at(now) === level && level === 0;
    this.#level.set(level, change, now + (change.expiresInMs ?? DEFAULT_AUTOMATIC_MS));
    if (!isSame) for (const cell of this.#cells.values()) cell.levelChanged();
  }

  setAutomatic(name: string, mode: string | undefined, change: LevelChange): void {
    const cell = this.#cell(name);
    checkLevelChange(0, change);
    this.#refuseClosed(name);
    const record = mode === undefined ? undefined : automaticOverride(cell, mode, change);
    cell.setAutomatic(automaticId(change.actor), record && { ...record, setAtMs: this.#calendarTime() }, change);
  }

  audit(): readonly AuditEntry[] {
    for (const cell of this.#cells.values()) cell.sweep();
    return this.#trail.list();
  }

  storeStatus(): StoreStatus {
    return this.#link.status;
  }

  close(): void {
    this.#isClosed = true;
    this.#link.close();
    this.#kept?.close();
    for (const cell of this.#cells.values()) cell.close();
  }

  #makeCells(): ReadonlyMap<string, FeatureCell> {
    const { features, clock, random, place } = this.#parts;
    const ports = {
      clock,
      random,
      place,
      level: this.#level,
      wallClock: () => this.#calendarTime(),
      mayRestore: (feature: string) => this.#mayRestore(feature),
      onChange: (change: AuditedChange) => this.#tell(change),
    };
    return new Map(Object.entries(features).map(([name, feature]) => [name, new FeatureCell(name, feature, ports)]));
  }

  #cell(name: string): FeatureCell {
    const cell = this.#cells.get(name);
    if (cell !== undefined) return cell;
    const message = `there is no feature ${show(name)}; there are ${[...this.#cells.keys()].join(', ')}`;
    throw new FeatureError('UNKNOWN_FEATURE', message, { feature: name });
  }

  #make(cell: FeatureCell, record: Omit<FeatureRecord, 'origin' | 'changedAtMs'>): FeatureStatus {
    this.#refuseClosed(cell.name);
    const changedAtMs = requireCalendarTime(this.#parts.wallClock);
    const overrides = record.overrides.map((one) =>
      one.revision === record.revision ? { ...one, setAtMs: changedAtMs } : one,
    );
    const made = { ...record, overrides, origin: this.#own.origin, changedAtMs };
    this.#own.made(made);
    cell.replace(made);
    this.#kept?.keep();
    this.#link.push(cell.name);
    return cell.status();
  }

  #refuseClosed(name: string): void {
    if (this.#isClosed) throw new FeatureError('CLOSED', `${name} cannot be changed any more`, { feature: name });
  }

  #makeKept(): LastKnownGood | undefined {
    const { lastKnownGood: port, maxSnapshotAgeMs: maxAgeMs, snapshotDelayMs: saveDelayMs } = this.#parts;
    if (port === undefined) return undefined;
    return new LastKnownGood({
      port,
      maxAgeMs,
      saveDelayMs,
      seal: this.#parts.seal,
      clock: this.#parts.clock,
      wallClock: () => this.#calendarTime(),
      records: () => [...this.#cells.values()].map((cell) => cell.record()).filter(({ revision }) => revision > 0),
      adopt: (record) => this.#intake.fromSnapshot(record),
      onFailure: (operation, error) => this.#tellFailure(operation, error),
    });
  }

  #mayRestore(feature: string): boolean {
    return askHook(
      'mayRestore',
      feature,
      () => this.#parts.mayRestore(feature),
      () => false,
    );
  }

  #calendarTime(): number {
    try {
      return requireCalendarTime(this.#parts.wallClock);
    } catch {
      return 0; // it is shown only
    }
  }

  /** What this process knows and a store that lost it, or was away, does not. */
  #offerWhatLacks(records: readonly FeatureRecord[]): void {
    for (const feature of this.#intake.lackingIn(records)) this.#link.offer(feature);
  }

  #tell(change: AuditedChange): void {
    this.#trail.add(change);
    tellChange(this.#parts.events, change);
  }

  #tellFailure(operation: StoreOperation, error: unknown): void {
    tellStoreFailure(this.#parts.events, operation, error);
  }
}

// --- internal ---

type AnyCall = (context: Context, ...args: unknown[]) => Promise<unknown>;
