/**
 * Feature provider: the features of a degradation as a provider of OpenFeature, for clients, hooks and telemetry that speak it.
 *
 *   NOT_READY ── the store was read, or 500 ms ──► READY ◄── the store is back ── STALE
 *       └── closed before: FATAL                     └── the store is away ────────►┘      closed meanwhile: ERROR
 *
 * Invariants
 *  (1) An evaluation is answered from memory, whatever the store does, and after close() of the degradation too.
 *  (2) The provider is ready within 500 ms; a store that is away makes it STALE, not late.
 *  (3) Each change of a feature is told once, with the keys of its flags.
 *  (4) After onClose() it listens to nothing and has no timer; the degradation goes on. It may be registered again.
 *
 * Source: OpenFeature specification 0.8, sections 2 and 5, https://openfeature.dev/specification/sections/providers.
 * Deviation: none.
 *
 * @module
 */

import {
  type Clock,
  type PolicyEvent,
  type Timer,
  integerInRange,
  isFunction,
  systemClock,
  withKnown,
} from '@holdfast/core';
import {
  type EvaluationContext,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderFatalError,
  type ResolutionDetails,
} from '@openfeature/server-sdk';

import { FeatureFlags, type FeatureSource } from './feature-flags.ts';

/** Options of {@link featureProvider}. Omitted ones take {@link featureProviderDefaults}. */
export interface FeatureProviderOptions {
  /** The features, as `createDegradation` returned them. */
  readonly degradation: FeatureSource;
  /** Time between looks at whether a store that was away is back. Milliseconds, 1 to 3 600 000. @defaultValue 1000 */
  readonly lookEveryMs?: number;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
}

/** Every default of {@link featureProvider}, in one place. */
export const featureProviderDefaults: { readonly lookEveryMs: number; readonly clock: Clock } = Object.freeze({
  lookEveryMs: 1000,
  clock: systemClock,
});

/** The name under which the provider is known to OpenFeature. */
export const providerName = 'holdfast';

/**
 * Creates a provider over the features of a degradation. One per degradation; hand it to `OpenFeature.setProvider`.
 *
 * It does not own the degradation: shutting OpenFeature down closes neither its features nor its store.
 *
 * @throws ConfigError at creation, when `degradation` is none or an option is out of range.
 * @throws ProviderFatalError from initialize, when the degradation was closed before.
 *
 * @example
 * ```ts
 * await OpenFeature.setProviderAndWait(featureProvider({ degradation }));
 * const mode = await OpenFeature.getClient().getStringValue('recommendations', 'full', { targetingKey: 'user-7' });
 * ```
 */
export function featureProvider(options: FeatureProviderOptions): Provider {
  const { degradation, ...rest } = withKnown('featureProvider', featureProviderDefaults, options, ['degradation']);
  for (const method of ['handle', 'level', 'status', 'storeStatus'] as const)
    isFunction(`featureProvider.degradation.${method}`, (degradation as FeatureSource | undefined)?.[method]);
  integerInRange('featureProvider.lookEveryMs', rest.lookEveryMs, [1, 3_600_000]);
  return new FeatureProvider(degradation, rest);
}

// --- internal ---

type Telling = 'live' | 'stale' | 'closed';

class FeatureProvider implements Provider {
  readonly metadata: { readonly name: string } = Object.freeze({ name: providerName });
  readonly runsOn = 'server';
  readonly events: OpenFeatureEventEmitter = new OpenFeatureEventEmitter();
  readonly #source: FeatureSource;
  readonly #flags: FeatureFlags;
  readonly #clock: Clock;
  readonly #lookEveryMs: number;
  #told: Telling = 'live';
  #unlisten: (() => void) | undefined = undefined;
  #look: Timer | undefined = undefined;

  constructor(source: FeatureSource, { clock, lookEveryMs }: { readonly clock: Clock; readonly lookEveryMs: number }) {
    this.#source = source;
    this.#flags = new FeatureFlags(source);
    this.#clock = clock;
    this.#lookEveryMs = lookEveryMs;
  }

  async initialize(): Promise<void> {
    if (this.#source.isClosed) throw new ProviderFatalError('the degradation was closed');
    this.#told = 'live';
    this.#unlisten ??= this.#source.events.listen((event) => this.#hear(event));
    await this.#source.loaded; // (2)
    this.#lookIn(0); // in another turn: by then the SDK has told that the provider is ready
  }

  // oxlint-disable-next-line require-await -- the interface is asynchronous; there is nothing to wait for
  async onClose(): Promise<void> {
    this.#unlisten?.(); // (4)
    this.#unlisten = undefined;
    this.#look?.cancel();
    this.#look = undefined;
    this.events.removeAllHandlers(); // the SDK leaves its own, and adds them again where the provider comes back
  }

  resolveBooleanEvaluation(
    key: string,
    defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    return this.#resolve(key, 'boolean', { defaultValue, context });
  }

  resolveStringEvaluation(
    key: string,
    defaultValue: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    return this.#resolve(key, 'string', { defaultValue, context });
  }

  resolveNumberEvaluation(
    key: string,
    defaultValue: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return this.#resolve(key, 'number', { defaultValue, context });
  }

  resolveObjectEvaluation<T extends JsonValue>(
    key: string,
    defaultValue: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return this.#resolve(key, 'object', { defaultValue, context });
  }

  /** Does nothing: there is nobody here to tell. */
  track(): void {}

  // oxlint-disable-next-line require-await -- so that what goes wrong rejects
  async #resolve<T>(...question: Parameters<FeatureFlags['resolve']>): Promise<ResolutionDetails<T>> {
    if (this.#unlisten !== undefined && this.#source.isClosed) this.#tell('closed');
    return this.#flags.resolve(...question) as ResolutionDetails<T>; // (1)
  }

  #hear({ type, name, ...event }: PolicyEvent): void {
    if (type === 'feature.store-failed') this.#lookNow();
    const flagsChanged = this.#flags.keysOf(name);
    if (type !== 'feature.changed' || flagsChanged.length === 0) return;
    const { from, to, reason } = event as unknown as { from: string; to: string; reason: string };
    const message = `${name}: ${from} -> ${to}: ${reason}`;
    this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...flagsChanged], message }); // (3)
  }

  #lookIn(ms: number): void {
    this.#look?.cancel();
    if (this.#unlisten === undefined) return; // closed while it was waiting
    this.#look = this.#clock.setTimer(() => this.#lookNow(), ms);
    this.#look.unref();
  }

  #lookNow(): void {
    if (this.#look === undefined) return; // the SDK has not told that the provider is ready yet
    const isStale = this.#source.storeStatus().state === 'stale';
    this.#tell(this.#source.isClosed ? 'closed' : isStale ? 'stale' : 'live');
    if (isStale && !this.#source.isClosed) this.#lookIn(this.#lookEveryMs);
  }

  #tell(telling: Telling): void {
    if (telling === this.#told || this.#told === 'closed') return;
    this.#told = telling;
    if (telling === 'live') this.events.emit(ProviderEvents.Ready, { message: 'the store is back' });
    else if (telling === 'stale') this.events.emit(ProviderEvents.Stale, { message: 'the store is away' });
    else this.events.emit(ProviderEvents.Error, { message: 'the degradation was closed: changes are over' });
  }
}
