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
  type Policy,
  type PolicyPorts,
  type Random,
  createEvents,
  integerInRange,
  isFunction,
  systemClock,
  systemRandom,
  withDefaults,
  steadyRandom,
} from '@holdfast/core';

import type { LadderOptions } from './branch.ts';
import { type Catalogue, type FeatureModes, type NoParams, requireCatalogue } from './catalogue.ts';
import type { FeatureControl } from './feature-control.ts';
import type { FeatureStatus } from './feature-status.ts';
import { type FeatureStore, memoryStore } from './feature-store.ts';
import { FeatureTable, type FeatureTableParts } from './feature-table.ts';
import type {
  AnyArguments,
  Implementations,
  LadderArguments,
  LadderFunctions,
  NoUnknownModes,
  ResultOf,
  WithParams,
} from './implementations.ts';
import type { SnapshotPort } from './last-known-good.ts';
import type { Place } from './live-override.ts';
import type { ModeChange, Restoration } from './mode-change.ts';
import type { NamedParams, ParamChanges } from './mode-params.ts';
import { type OverrideScope, isScope } from './override.ts';
import type { FeatureHandle } from './reading.ts';
import { type HashFunction, type Seal, checksum, sha256 } from './sha256.ts';
import type { StoreStatus } from './store-link.ts';
import { type WallClock, systemWallClock } from './wall-clock.ts';

/** Options of {@link createDegradation}. Omitted ones take {@link degradationDefaults}. */
export interface DegradationOptions<M extends FeatureModes = FeatureModes, P = NoParams> extends Omit<
  PolicyPorts,
  'store'
> {
  /** The features, as {@link defineFeatures} returned them. */
  readonly features: Catalogue<M, P>;
  /** Shares changes with other instances; by default the memory of this one. */
  readonly store?: FeatureStore;
  /** Keeps what is known for the next start; by default nothing does. */
  readonly lastKnownGood?: SnapshotPort;
  /** The oldest that is taken from there. Milliseconds, integer, 1 to 86 400 000. @defaultValue 86_400_000 */
  readonly maxSnapshotAgeMs?: number;
  /** Time between a change and its being kept there. Milliseconds, integer, 0 to 60 000. @defaultValue 100 */
  readonly snapshotDelayMs?: number;
  /** Seals what is kept there: `signature(secret)`. By default `checksum`, which tells damage only. */
  readonly seal?: Seal;
  /** Hashes the audit trail: returns a text. What it throws is reported, and breaks the chain. By default SHA-256. */
  readonly hash?: HashFunction;
  /** The process that this is, for overrides with a scope. By default nowhere in particular. */
  readonly place?: OverrideScope;
  /** Whether a feature may be restored by one more step: the level is down, the breaker is closed. By
   * default always. What it throws, and any answer but true and false, a promise included, is reported and counts as false. */
  readonly mayRestore?: (feature: string) => boolean;
  /** Tells the calendar time that people are shown; by default the platform's. It also takes off a kept
   * snapshot what passed since. */
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
  readonly seal: Seal;
  readonly hash: HashFunction;
  readonly maxAuditEntries: number;
  readonly storeTimeoutMs: number;
  readonly storeRetryMs: number;
  readonly maxSnapshotAgeMs: number;
  readonly snapshotDelayMs: number;
} = Object.freeze({
  clock: systemClock,
  random: systemRandom,
  wallClock: systemWallClock,
  seal: checksum,
  hash: sha256,
  maxAuditEntries: 1000,
  storeTimeoutMs: 500,
  storeRetryMs: 5000,
  maxSnapshotAgeMs: 86_400_000,
  snapshotDelayMs: 100,
});

/** The parameters of one feature's modes. */
export type ParamsOfFeature<P, Name extends string> = Name extends keyof P ? P[Name] : NoParams;

/** The features of a service and their modes. */
export interface Degradation<M extends FeatureModes = FeatureModes, P = NoParams> extends FeatureControl {
  /** Resolves when the store has been read, or after 500 ms at most. By then modes that others set are in force. Never rejects. */
  readonly loaded: Promise<void>;
  /** The catalogue that it was made of. */
  readonly features: Catalogue<M, P>;
  /** Whether `close()` was called. */
  readonly isClosed: boolean;
  /** Returns the mode in force. */
  mode<Name extends keyof M & string>(name: Name): M[Name];
  /** Finds a feature once, so that reading its mode costs nanoseconds. */
  handle<Name extends keyof M & string>(name: Name): FeatureHandle<M[Name], ParamsOfFeature<P, Name>>;
  /**
   * Returns a function that runs the implementation of the mode in force. Every mode must have one; the first one written
   * must take all arguments, the others may take fewer. With `{ withParams: true }` each gets the parameters of its mode in
   * between. It settles like any policy: with the implementation's value or
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
  // The same for functions that get the parameters of their modes after the context, as they are in force for the call.
  feature<
    Name extends keyof M & string,
    Given extends LadderFunctions<M[Name], ParamsOfFeature<P, Name>, AnyArguments>,
  >(
    name: Name,
    functions: LadderFunctions<M[Name], ParamsOfFeature<P, Name>, AnyArguments> & Given,
    options: WithParams,
    ...unknownModes: NoUnknownModes<Given, M[Name]>
  ): (context: Context, ...args: LadderArguments<Given>) => Promise<ResultOf<Given>>;
  /**
   * As `feature`, and when the function of the mode fails, the next worse one runs, inside the same context. Each function
   * gets the parameters of its mode after the context.
   */
  ladder<Name extends keyof M & string, Given extends LadderFunctions<M[Name], ParamsOfFeature<P, Name>, AnyArguments>>(
    name: Name,
    functions: LadderFunctions<M[Name], ParamsOfFeature<P, Name>, AnyArguments> & Given,
    options?: LadderOptions,
    ...unknownModes: NoUnknownModes<Given, M[Name]>
  ): (context: Context, ...args: LadderArguments<Given>) => Promise<ResultOf<Given>>;
  /**
   * Returns the same as a policy: the operation that it runs is the best mode, `functions` are the others. Best outermost,
   * around what protects the operation.
   */
  policy<
    Name extends keyof M & string,
    Best extends M[Name],
    Given extends LadderFunctions<Exclude<M[Name], Best>, ParamsOfFeature<P, Name>, []>,
  >(
    name: Name,
    best: Best,
    functions: LadderFunctions<Exclude<M[Name], Best>, ParamsOfFeature<P, Name>, []> & Given,
    options?: LadderOptions,
    ...unknownModes: NoUnknownModes<Given, Exclude<M[Name], Best>>
  ): Policy<ResultOf<Given>>;
  /** Sets a mode for a limited time; it is in force in this process when the call returns, and the store is told beside. */
  set<Name extends keyof M & string, Mode extends M[Name]>(
    name: Name,
    mode: Mode,
    change: ModeChange<ParamChanges<NamedParams<ParamsOfFeature<P, Name>, Mode>>>,
  ): FeatureStatus;
  /** Ends overrides of a feature: all, or the one that is named. Changes nothing when there are none. */
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
export function createDegradation<M extends FeatureModes, P = NoParams>(
  options: DegradationOptions<M, P>,
): Degradation<M, P> {
  return new FeatureTable(resolve(options)) as unknown as Degradation<M, P>;
}

// --- internal ---

function resolve<M extends FeatureModes, P>(options: DegradationOptions<M, P>): FeatureTableParts {
  const names = ['features', 'store', 'lastKnownGood', 'place', 'mayRestore'];
  const resolved = withDefaults('degradation', degradationDefaults, options, names);
  const { clock, store = memoryStore({ clock }), events = createEvents(), place = {} } = resolved;
  const { mayRestore = () => true, lastKnownGood } = resolved;
  const features = requireCatalogue('degradation.features', resolved.features);
  isFunction('degradation.wallClock', resolved.wallClock);
  isFunction('degradation.hash', resolved.hash);
  isFunction('degradation.mayRestore', mayRestore);
  integerInRange('degradation.maxAuditEntries', resolved.maxAuditEntries, [1, 100_000]);
  integerInRange('degradation.storeTimeoutMs', resolved.storeTimeoutMs, [1, 60_000]);
  integerInRange('degradation.storeRetryMs', resolved.storeRetryMs, [1, 3_600_000]);
  integerInRange('degradation.maxSnapshotAgeMs', resolved.maxSnapshotAgeMs, [1, 86_400_000]);
  integerInRange('degradation.snapshotDelayMs', resolved.snapshotDelayMs, [0, 60_000]);
  requireMethods('degradation.store', store, ['load', 'save', 'listen']);
  requireMethods('degradation.seal', resolved.seal, ['seal', 'isSealed']);
  if (lastKnownGood !== undefined) requireMethods('degradation.lastKnownGood', lastKnownGood, ['load', 'save']);
  const random = steadyRandom(resolved.random, 'degradation');
  return { ...resolved, random, features, store, events, mayRestore, lastKnownGood, place: checkPlace(place) };
}

function checkPlace(place: unknown): Place {
  if (!isScope(place)) {
    const expectation = 'an object of region and instance, each one line of 1 to 200 characters or left out';
    throw new ConfigError('degradation.place', expectation, place);
  }
  return { region: place.region, instance: place.instance };
}

function requireMethods(option: string, value: unknown, methods: readonly string[]): void {
  for (const method of methods) {
    if (typeof (value as Record<string, unknown> | null)?.[method] !== 'function')
      throw new ConfigError(`${option}.${method}`, 'a function', value);
  }
}
