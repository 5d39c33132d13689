/**
 * Feature table: the features of one process, joined with a store and told to whoever listens.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Context,
  type Events,
  type Random,
  createPolicy,
  isFunction,
} from '@holdfast/core';

import { type AuditEntry, AuditTrail } from './audit-trail.ts';
import type { Catalogue } from './catalogue.ts';
import { FeatureCell, type FeatureHandle, type FeatureStatus } from './feature-cell.ts';
import type { FeatureChangedEvent, FeatureControl, FeatureStoreFailedEvent } from './feature-control.ts';
import { FeatureError, show } from './feature-error.ts';
import { type FeatureRecord, isFeatureRecord, supersedes } from './feature-record.ts';
import type { FeatureStore } from './feature-store.ts';
import type { Implementations } from './implementations.ts';
import { type ModeChange, type Restoration, checkModeChange, checkRestoration } from './mode-change.ts';
import { StoreLink, type StoreOperation, type StoreStatus } from './store-link.ts';
import { type WallClock, isCalendarTime } from './wall-clock.ts';

/** What a table needs: checked options. */
export interface FeatureTableParts {
  readonly features: Catalogue;
  readonly store: FeatureStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
  readonly wallClock: WallClock;
  readonly maxAuditEntries: number;
  readonly storeTimeoutMs: number;
  readonly storeRetryMs: number;
}

/** The features of one process. */
export class FeatureTable implements FeatureControl {
  readonly #parts: FeatureTableParts;
  readonly #cells: ReadonlyMap<string, FeatureCell>;
  readonly #trail: AuditTrail;
  readonly #link: StoreLink;
  /** Tells this process's changes from others' of the same revision. */
  readonly #origin: string;
  #isClosed = false;

  constructor(parts: FeatureTableParts) {
    const { features, clock, wallClock, random } = parts;
    const ports = { clock, wallClock, onChange: (change: AuditEntry) => this.#tell(change) };
    this.#parts = parts;
    this.#origin = `${randomDigits(random)}${randomDigits(random)}`;
    this.#trail = new AuditTrail(parts.maxAuditEntries);
    this.#cells = new Map(
      Object.entries(features).map(([name, feature]) => [name, new FeatureCell(name, feature, ports)]),
    );
    this.#link = new StoreLink({
      store: parts.store,
      clock,
      random,
      timeoutMs: parts.storeTimeoutMs,
      retryMs: parts.storeRetryMs,
      recordOf: (feature) => this.#cell(feature).record(),
      adopt: (record) => this.#adopt(record),
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

  mode(name: string): string {
    return (this.#cells.get(name) ?? this.#cell(name)).mode;
  }

  handle(name: string): FeatureHandle {
    return this.#cell(name);
  }

  feature<Args extends unknown[]>(
    name: string,
    implementations: Implementations<string, Args>,
  ): (context: Context, ...args: Args) => Promise<unknown> {
    const cell = this.#cell(name);
    const functions = checkImplementations(cell, implementations);
    const policy = createPolicy({ kind: 'feature', name, layer: (inner) => inner });
    return (context, ...args) =>
      policy.execute((own) => {
        const { mode } = cell;
        cell.countServed(mode);
        return (functions.get(mode) as (own: Context, ...args: Args) => unknown)(own, ...args);
      }, context);
  }

  list(): readonly FeatureStatus[] {
    return [...this.#cells.values()].map((cell) => cell.status());
  }

  status(name: string): FeatureStatus {
    return this.#cell(name).status();
  }

  set(name: string, mode: string, change: ModeChange): FeatureStatus {
    const cell = this.#cell(name);
    const { modes } = cell.definition;
    if (!modes.includes(mode)) {
      const message = `${name} has no mode ${show(mode)}; it has ${modes.join(', ')}`;
      throw new FeatureError('UNKNOWN_MODE', message, { feature: name, field: 'mode' });
    }
    checkModeChange(name, change);
    return this.#change(cell, change, { mode, remainingMs: change.expiresInMs });
  }

  restore(name: string, change: Restoration): FeatureStatus {
    const cell = this.#cell(name);
    checkRestoration(name, change);
    if (cell.isOverridden) return this.#change(cell, change, { mode: undefined, remainingMs: 0 });
    this.#refuseStale(cell, change);
    return cell.status();
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
    for (const cell of this.#cells.values()) cell.close();
  }

  #cell(name: string): FeatureCell {
    const cell = this.#cells.get(name);
    if (cell !== undefined) return cell;
    const message = `there is no feature ${show(name)}; there are ${[...this.#cells.keys()].join(', ')}`;
    throw new FeatureError('UNKNOWN_FEATURE', message, { feature: name });
  }

  #change(
    cell: FeatureCell,
    { actor, reason, ifRevision }: Restoration,
    to: Pick<FeatureRecord, 'mode' | 'remainingMs'>,
  ): FeatureStatus {
    this.#refuseStale(cell, { ifRevision });
    const revision = cell.revision + 1;
    const changedAtMs = this.#calendarTime();
    cell.replace({ feature: cell.name, revision, origin: this.#origin, actor, reason, changedAtMs, ...to });
    this.#link.push(cell.name);
    return cell.status();
  }

  #refuseStale(cell: FeatureCell, { ifRevision }: Pick<Restoration, 'ifRevision'>): void {
    const { name, revision } = cell;
    if (this.#isClosed) throw new FeatureError('CLOSED', `${name} cannot be changed any more`, { feature: name });
    if (ifRevision === undefined || ifRevision === revision) return;
    const message = `${name} is at revision ${revision}, not ${ifRevision}: it has changed meanwhile`;
    throw new FeatureError('STALE_REVISION', message, { feature: name, field: 'ifRevision', revision });
  }

  /** Takes a record of another instance. Returns whether this process knows a later one. */
  #adopt(record: FeatureRecord): boolean {
    if (!isFeatureRecord(record)) throw new TypeError('the store delivered something that is not a feature record');
    const cell = this.#cells.get(record.feature);
    if (cell === undefined || cell.replace(record)) return false; // without a cell it is another version's feature
    return supersedes(cell.record(), record);
  }

  #calendarTime(): number {
    const time = this.#parts.wallClock();
    if (isCalendarTime(time)) return time;
    throw new ConfigError('degradation.wallClock()', 'milliseconds since 1970', time);
  }

  /** What this process knows and a store that lost it, or was away, does not. */
  #offerWhatLacks(records: readonly FeatureRecord[]): void {
    const loaded = new Map(records.map((record) => [record.feature, record]));
    for (const [name, cell] of this.#cells) {
      const record = cell.record();
      if (record.revision > 0 && supersedes(record, loaded.get(name) ?? NOTHING)) this.#link.offer(name);
    }
  }

  #tell(change: AuditEntry): void {
    const { feature: name, from, to, actor, reason, revision, cause } = change;
    const { events } = this.#parts;
    this.#trail.add(change);
    if (!events.active) return;
    const event: FeatureChangedEvent = {
      type: 'feature.changed',
      policy: 'feature',
      name,
      from,
      to,
      actor,
      reason,
      revision,
      cause,
    };
    events.emit(event);
  }

  #tellFailure(operation: StoreOperation, error: unknown): void {
    const { events } = this.#parts;
    if (!events.active) return;
    const event: FeatureStoreFailedEvent = {
      type: 'feature.store-failed',
      policy: 'feature',
      name: 'store',
      operation,
      error,
    };
    events.emit(event);
  }
}

// --- internal ---

const NOTHING = { revision: 0, origin: '' };

function randomDigits(random: Random): string {
  return Math.floor(random() * 2 ** 52)
    .toString(36)
    .padStart(11, '0');
}

function checkImplementations(cell: FeatureCell, given: unknown): ReadonlyMap<string, unknown> {
  const { name, definition } = cell;
  const implementations = new Map(Object.entries((given ?? {}) as Record<string, unknown>));
  for (const mode of definition.modes) isFunction(`${name}.${mode}`, implementations.get(mode));
  for (const key of implementations.keys()) {
    if (!definition.modes.includes(key))
      throw new ConfigError(name, `implemented for ${definition.modes.join(', ')} only`, key);
  }
  return implementations;
}
