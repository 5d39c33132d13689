/**
 * Flag follower: evaluates flags in rounds and hands on what they ask for.
 *
 *   a flag changed, the provider is ready, a minute is over ─► due ─► one round, ten evaluations at once ─► asked for
 *
 * Invariants
 *  (1) What a flag asked for ends `expiresInMs` after it was last heard; until then, a flag that fails, hangs or names no mode
 *      changes nothing.
 *  (2) A flag that is not there, or names the best mode, asks for nothing.
 *  (3) At most ten evaluations run at once, and one round of them at a time; one that takes longer than `timeoutMs` has failed.
 *  (4) Nothing that a provider does throws into the process. After stop() there is no timer and no handler.
 *
 * @module
 */

import { type Clock, ConfigError, type Events, type PolicyEvent, type Random, type Timer } from '@holdfast/core';
import type { Degradation } from '@holdfast/degradation';
import {
  type Client,
  ErrorCode,
  type EvaluationContext,
  type EvaluationDetails,
  type EventDetails,
  ProviderEvents,
} from '@openfeature/server-sdk';

import { providerName } from './feature-provider.ts';

/** What is needed of a client: any that `OpenFeature.getClient()` returned. */
export type FlagClient = Pick<Client, 'addHandler' | 'getStringDetails' | 'metadata' | 'removeHandler'>;

/** What is needed of a degradation: any that `createDegradation` returned. */
export type FollowingFeatures = Pick<Degradation, 'events' | 'features' | 'isClosed' | 'setAutomatic'>;

/** What is known of one flag. */
export interface FlagStatus {
  readonly feature: string;
  readonly flag: string;
  /** The mode that it asked for when it was last heard; undefined for nothing. */
  readonly mode: string | undefined;
  /** Whether that is worse than controllers may go, and is cut. */
  readonly isCut: boolean;
  /** Why it was not heard the last time; undefined where it was. */
  readonly error: unknown;
}

/** A flag could not be evaluated, or names no mode of its feature. Told once, until it is heard again. */
export interface FeatureFlagFailedEvent extends PolicyEvent {
  readonly type: 'feature.flag-failed';
  readonly policy: 'feature';
  readonly flag: string;
  readonly error: unknown;
}

/** Features that follow flags. */
export interface FlagFollower {
  /** Resolves when every flag was evaluated once, or after 500 ms. Never rejects. */
  readonly ready: Promise<void>;
  /** Returns what is known of each flag. */
  status(): readonly FlagStatus[];
  /** Ends it; what was asked for ends by its expiry. Idempotent. */
  stop(): void;
}

/** What a follower needs: checked options. */
export interface FlagFollowerParts {
  readonly degradation: FollowingFeatures;
  readonly client: FlagClient;
  /** The features that follow, each with the key of its flag. */
  readonly flags: readonly { readonly feature: string; readonly flag: string }[];
  readonly context: EvaluationContext;
  readonly actor: string;
  readonly everyMs: number;
  readonly expiresInMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Whether the flags of a client are features themselves. */
export function followsItself(client: FlagClient): boolean {
  return client.metadata.providerMetadata.name === providerName;
}

/** Follows flags. */
export class FeatureFollower implements FlagFollower {
  readonly ready: Promise<void>;
  readonly #parts: FlagFollowerParts;
  readonly #followed: readonly Followed[];
  readonly #due = new Set<Followed>();
  readonly #waits = new Set<Timer>();
  readonly #onReady = (): void => this.#evaluateSoon(this.#followed);
  readonly #onChanged = (details?: EventDetails): void => this.#evaluateSoon(this.#changedBy(details));
  #next: Timer | undefined = undefined;
  #lastRoundAt = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #isStopped = false;
  #markReady: () => void = () => {};

  constructor(parts: FlagFollowerParts) {
    this.#parts = parts;
    this.#followed = parts.flags.map((one) => ({ ...one, mode: undefined, error: undefined }));
    this.ready = new Promise((resolved) => (this.#markReady = resolved));
    const start = this.#wait(() => this.#markReady(), MAX_START_MS);
    start.ref(); // whoever waits for `ready` before anything else is there must not end for it
    void this.ready.then(() => this.#endWait(start));
    this.#evaluateSoon(this.#followed);
    parts.client.addHandler(ProviderEvents.Ready, this.#onReady);
    parts.client.addHandler(ProviderEvents.ConfigurationChanged, this.#onChanged);
  }

  status(): readonly FlagStatus[] {
    const { features } = this.#parts.degradation;
    return this.#followed.map(({ feature, flag, mode, error }) => {
      const { modes = [], worstAutomatic = 0 } = features[feature] ?? {};
      return {
        feature,
        flag,
        mode,
        isCut: mode !== undefined && (modes as readonly string[]).indexOf(mode) > worstAutomatic,
        error,
      };
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#parts.client.removeHandler(ProviderEvents.Ready, this.#onReady); // (4)
    this.#parts.client.removeHandler(ProviderEvents.ConfigurationChanged, this.#onChanged);
    for (const timer of this.#waits) timer.cancel();
    this.#waits.clear();
    this.#markReady();
  }

  #changedBy(details: EventDetails | undefined): readonly Followed[] {
    const flagsChanged = details?.['flagsChanged'];
    if (!Array.isArray(flagsChanged) || flagsChanged.length === 0) return this.#followed; // it does not say which
    return this.#followed.filter(({ flag }) => flagsChanged.includes(flag));
  }

  #evaluateSoon(which: readonly Followed[]): void {
    for (const one of which) this.#due.add(one);
    if (this.#due.size > 0 && !this.#isRunning)
      this.#armNext(this.#lastRoundAt + MIN_ROUND_MS - this.#parts.clock.now());
  }

  #armNext(inMs: number): void {
    if (this.#isStopped) return;
    if (this.#next !== undefined) this.#endWait(this.#next);
    this.#next = this.#wait(() => void this.#round(), Math.max(0, inMs));
  }

  async #round(): Promise<void> {
    const { clock, everyMs, random, degradation } = this.#parts;
    this.#isRunning = true;
    this.#lastRoundAt = clock.now();
    const due = this.#due.size === 0 ? this.#followed : [...this.#due];
    this.#due.clear();
    for (let from = 0; from < due.length && !this.#isStopped; from += MAX_AT_ONCE)
      await Promise.all(due.slice(from, from + MAX_AT_ONCE).map((one) => this.#evaluate(one))); // (3)
    this.#isRunning = false;
    this.#markReady();
    if (degradation.isClosed) this.stop();
    if (this.#due.size > 0) this.#evaluateSoon([]);
    else this.#armNext(everyMs * (0.8 + 0.4 * random()));
  }

  async #evaluate(one: Followed): Promise<void> {
    try {
      const details = await this.#ask(one);
      if (!this.#isStopped) this.#take(one, details);
    } catch (error) {
      if (!this.#isStopped) this.#fail(one, error); // (4)
    }
  }

  #ask({ feature, flag }: Followed): Promise<EvaluationDetails<string>> {
    const { client, context, timeoutMs, degradation } = this.#parts;
    const best: string = degradation.features[feature]?.modes[0] ?? '';
    if (followsItself(client)) throw new ConfigError('followFlags.client', 'of another provider', providerName);
    return new Promise((resolved, rejected) => {
      const late = new RangeError(`${flag} was not evaluated within ${timeoutMs} ms`);
      const wait = this.#wait(() => rejected(late), timeoutMs); // (3)
      client
        .getStringDetails(flag, best, context)
        .finally(() => this.#endWait(wait))
        .then(resolved, rejected);
    });
  }

  #take(one: Followed, { value, errorCode, errorMessage }: EvaluationDetails<string>): void {
    const isMissing = errorCode === ErrorCode.FLAG_NOT_FOUND;
    if (errorCode !== undefined && !isMissing) throw new Error(`${one.flag}: ${errorCode}: ${errorMessage ?? ''}`); // (1)
    if (typeof value !== 'string') throw new TypeError(`${one.flag} has a value that is no text`); // (1)
    const { degradation, actor, expiresInMs } = this.#parts;
    const asked = isMissing || value === degradation.features[one.feature]?.modes[0] ? undefined : value; // (2)
    const reason = `the flag ${one.flag.slice(0, 200)} asks for it`;
    degradation.setAutomatic(one.feature, asked, { actor, reason, expiresInMs }); // (1)
    one.mode = asked;
    one.error = undefined;
  }

  #fail(one: Followed, error: unknown): void {
    const isNew = one.error === undefined;
    one.error = error;
    const { events }: { readonly events: Events } = this.#parts.degradation;
    if (!isNew || !events.active) return;
    const { feature: name, flag } = one;
    const event: FeatureFlagFailedEvent = { type: 'feature.flag-failed', policy: 'feature', name, flag, error };
    events.emit(event);
  }

  #wait(then: () => void, ms: number): Timer {
    const timer = this.#parts.clock.setTimer(() => {
      this.#waits.delete(timer);
      then();
    }, ms);
    timer.unref();
    this.#waits.add(timer);
    return timer;
  }

  #endWait(timer: Timer): void {
    timer.cancel();
    this.#waits.delete(timer);
  }
}

// --- internal ---

/** The longest that a start waits for the flags. */
const MAX_START_MS = 500;
/** The shortest time between the starts of two rounds, whatever a provider tells. */
const MIN_ROUND_MS = 100;
const MAX_AT_ONCE = 10;

interface Followed {
  readonly feature: string;
  readonly flag: string;
  mode: string | undefined;
  error: unknown;
}
