/**
 * Degradation: features that are switched to another mode while the service runs, for a limited time.
 *
 * Use it for what a service can do in a lesser way, or do without: people and controllers switch it when something is
 * slow or broken. Do not use it for what should stay: that is configuration.
 *
 * Invariants
 *  (1) Reading a mode is synchronous, from memory, and never fails for a feature of the catalogue.
 *  (2) Every override ends: by its expiry at the latest, after at most 24 hours.
 *  (3) A refused change changes nothing and tells nobody.
 *  (4) Instances that share a store come to agree, whatever order its records arrive in.
 *  (5) A store that fails or hangs delays no read and no change in this process.
 *  (6) After close() no timer is left.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Context,
  type PolicyPorts,
  type Random,
  createEvents,
  integerInRange,
  isFunction,
  systemClock,
  systemRandom,
  withDefaults,
} from '@holdfast/core';

import { type Catalogue, type FeatureModes, checkCatalogue } from './catalogue.ts';
import type { FeatureHandle, FeatureStatus } from './feature-cell.ts';
import type { FeatureControl } from './feature-control.ts';
import { type FeatureStore, memoryStore } from './feature-store.ts';
import { FeatureTable, type FeatureTableParts } from './feature-table.ts';
import type { Implementations, NoUnknownModes, ResultOf } from './implementations.ts';
import type { ModeChange, Restoration } from './mode-change.ts';
import type { StoreStatus } from './store-link.ts';
import { type WallClock, systemWallClock } from './wall-clock.ts';

/** Options of {@link createDegradation}. Omitted ones take {@link degradationDefaults}. */
export interface DegradationOptions<M extends FeatureModes = FeatureModes> extends Omit<PolicyPorts, 'store'> {
  /** The features, as {@link defineFeatures} returned them. */
  readonly features: Catalogue<M>;
  /** Shares changes with other instances; by default the memory of this one. */
  readonly store?: FeatureStore;
  /** Tells the calendar time that people are shown; by default the platform's. */
  readonly wallClock?: WallClock;
  /** Changes that the audit trail holds. Integer, 1 to 100 000; the oldest go first. @defaultValue 1000 */
  readonly maxAuditEntries?: number;
  /** Time after which a store that has not answered counts as failed. Milliseconds, 1 to 60 000. @defaultValue 500 */
  readonly storeTimeoutMs?: number;
  /** Time between attempts to reach a store that failed, give or take a fifth. Milliseconds, 1 to 3 600 000. @defaultValue 5000 */
  readonly storeRetryMs?: number;
}

/** Every default of {@link createDegradation}, in one place. The default store is a new `memoryStore()`. */
export const degradationDefaults: {
  readonly clock: Clock;
  readonly random: Random;
  readonly wallClock: WallClock;
  readonly maxAuditEntries: number;
  readonly storeTimeoutMs: number;
  readonly storeRetryMs: number;
} = Object.freeze({
  clock: systemClock,
  random: systemRandom,
  wallClock: systemWallClock,
  maxAuditEntries: 1000,
  storeTimeoutMs: 500,
  storeRetryMs: 5000,
});

/** The features of a service and their modes. */
export interface Degradation<M extends FeatureModes = FeatureModes> extends FeatureControl {
  /** Resolves when the store has been read, or could not be: by then modes that others set are in force. Never rejects. */
  readonly loaded: Promise<void>;
  /** Returns the mode in force. */
  mode<Name extends keyof M & string>(name: Name): M[Name];
  /** Finds a feature once, so that reading its mode costs nanoseconds. */
  handle<Name extends keyof M & string>(name: Name): FeatureHandle<M[Name]>;
  /**
   * Returns a function that runs the implementation of the mode in force. Every mode must have one; the first one written
   * must take all arguments, the others may take fewer. It settles like any policy: with the implementation's value or
   * error, or with `context.cause` when the context ends first.
   */
  feature<Name extends keyof M & string, Args extends unknown[], Given extends Implementations<M[Name], never[]>>(
    name: Name,
    implementations: Implementations<M[Name], Args> & Given,
    ...unknownModes: NoUnknownModes<Given, M[Name]>
  ): (context: Context, ...args: Args) => Promise<ResultOf<Given>>;
  // The same for implementations that are functions declared elsewhere, from which the compiler infers in another way.
  feature<
    Name extends keyof M & string,
    Args extends unknown[],
    Mode extends M[Name],
    Given extends Implementations<M[Name], never[]>,
  >(
    name: Name,
    implementations: Implementations<Mode, Args> & Given,
    ...unknownModes: NoUnknownModes<Given, M[Name]>
  ): (context: Context, ...args: Args) => Promise<ResultOf<Given>>;
  /** Sets a mode for a limited time; it is in force in this process when the call returns, and the store is told beside. */
  set<Name extends keyof M & string>(name: Name, mode: M[Name], change: ModeChange): FeatureStatus;
  /** Sends a feature back to its default mode. Changes nothing when nobody had set it. */
  restore(name: keyof M & string, change: Restoration): FeatureStatus;
  /** How far this process is with its store. */
  storeStatus(): StoreStatus;
  /** Stops listening to the store and all timers. Modes can be read as before, changes are refused. Idempotent. */
  close(): void;
}

/**
 * Creates the features of a service, all in their default modes.
 *
 * One instance per process; it may be used from everywhere in it.
 *
 * @throws ConfigError at creation, when an option is out of range or the catalogue is invalid.
 * @throws ConfigError from feature, when a mode has no implementation.
 * @throws FeatureError from mode, handle, feature, status, set and restore, when there is no such feature.
 * @throws FeatureError from set and restore, when the change is refused: `code` and `field` say why.
 *
 * @example
 * ```ts
 * const degradation = createDegradation({ features });
 * degradation.set('recommendations', 'cached', { actor: 'alice', reason: 'INC-4711', expiresInMs: 1_800_000 });
 * ```
 */
export function createDegradation<M extends FeatureModes>(options: DegradationOptions<M>): Degradation<M> {
  return new FeatureTable(resolve(options)) as Degradation as unknown as Degradation<M>;
}

// --- internal ---

function resolve<M extends FeatureModes>(options: DegradationOptions<M>): FeatureTableParts {
  const resolved = withDefaults('degradation', degradationDefaults, options, ['features', 'store']);
  const { clock, store = memoryStore({ clock }), events = createEvents(), features } = resolved;
  isFunction('degradation.wallClock', resolved.wallClock);
  integerInRange('degradation.maxAuditEntries', resolved.maxAuditEntries, [1, 100_000]);
  integerInRange('degradation.storeTimeoutMs', resolved.storeTimeoutMs, [1, 60_000]);
  integerInRange('degradation.storeRetryMs', resolved.storeRetryMs, [1, 3_600_000]);
  for (const method of ['load', 'save', 'listen'] as const) {
    if (typeof store?.[method] !== 'function')
      throw new ConfigError(`degradation.store.${method}`, 'a function', store);
  }
  return { ...resolved, features: checkCatalogue(features), store, events };
}
