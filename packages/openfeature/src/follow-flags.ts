/**
 * Follow flags: features that ask for the modes that the flags of any OpenFeature provider name.
 *
 *   flag changed ──┐
 *   provider ready ┼─► evaluate, once for the process ─► setAutomatic(feature, mode), with an expiry ─► read from memory
 *   every minute ──┘
 *
 * Use it where people already switch flags elsewhere. No request evaluates a flag: a mode is read as any other.
 *
 * Invariants
 *  (1) A flag asks for no more than a controller may: never better than people say, never worse than `worstAutomatic`.
 *  (2) No request evaluates a flag.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Random,
  inRange,
  integerInRange,
  isFunction,
  isName,
  systemClock,
  systemRandom,
  withKnown,
  steadyRandom,
} from '@holdfast/core';
import type { EvaluationContext } from '@openfeature/server-sdk';

import { providerName } from './feature-provider.ts';
import {
  FeatureFollower,
  type FlagClient,
  type FlagFollower,
  type FlagFollowerParts,
  type FollowingFeatures,
  followsItself,
} from './flag-follower.ts';

/** Options of {@link followFlags}. Omitted ones take {@link followFlagsDefaults}. */
export interface FollowFlagsOptions {
  /** The features that follow. */
  readonly degradation: FollowingFeatures;
  /** Evaluates the flags, each as a string that names a mode. */
  readonly client: FlagClient;
  /** Names of the features that follow; by default all of the catalogue. */
  readonly features?: readonly string[];
  /** Returns the key of a feature's flag; by default the feature's name. Called once per feature. */
  readonly flagOf?: (feature: string) => string;
  /** Who the process is to the provider: region, service. The same for all flags. By default empty. */
  readonly context?: EvaluationContext;
  /** Who asks, in audit trails: 1 to 200 characters. Two followers of one feature need two. @defaultValue 'openfeature' */
  readonly actor?: string;
  /** Time between rounds, give or take a fifth, besides those that a change causes. Milliseconds, 100 to 240 000. @defaultValue 60_000 */
  readonly everyMs?: number;
  /**
   * How long a mode is asked for after its flag was last heard. Milliseconds, to 300 000; more than `everyMs`, a fifth of it and
   * `timeoutMs` together. @defaultValue 180_000
   */
  readonly expiresInMs?: number;
  /** Time that one evaluation may take. Milliseconds, 1 to 60 000. @defaultValue 5000 */
  readonly timeoutMs?: number;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
  /** Spreads the rounds of a fleet; by default the platform's. */
  readonly random?: Random;
}

/** Every default of {@link followFlags}, in one place. */
export const followFlagsDefaults: {
  readonly actor: string;
  readonly everyMs: number;
  readonly expiresInMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
} = Object.freeze({
  actor: 'openfeature',
  everyMs: 60_000,
  expiresInMs: 180_000,
  timeoutMs: 5000,
  clock: systemClock,
  random: systemRandom,
});

/**
 * Makes features ask for the modes that flags name, from now on.
 *
 * @throws ConfigError at creation, when an option is out of range, `features` names an unknown one, or the client's provider
 *   is one over features itself: those would follow themselves.
 *
 * @example
 * ```ts
 * const follower = followFlags({ degradation, client: OpenFeature.getClient(), features: ['recommendations'] });
 * ```
 */
export function followFlags(options: FollowFlagsOptions): FlagFollower {
  return new FeatureFollower(resolve(options));
}

// --- internal ---

/** The longest that features let a controller ask for. */
const MAX_EXPIRES_IN_MS = 300_000;
/** What no text of an audit trail may have: more than one line, and what no one can see. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

function resolve(options: FollowFlagsOptions): FlagFollowerParts {
  const optional = ['degradation', 'client', 'features', 'flagOf', 'context'];
  const resolved = withKnown('followFlags', followFlagsDefaults, options, optional);
  const { degradation, client, everyMs, expiresInMs, timeoutMs, context = {} } = resolved;
  isFunction('followFlags.degradation.setAutomatic', (degradation as FollowingFeatures | undefined)?.setAutomatic);
  for (const method of ['addHandler', 'getStringDetails', 'removeHandler'] as const)
    isFunction(`followFlags.client.${method}`, (client as FlagClient | undefined)?.[method]);
  isActor('followFlags.actor', resolved.actor);
  integerInRange('followFlags.timeoutMs', timeoutMs, [1, 60_000]);
  integerInRange('followFlags.everyMs', everyMs, [100, 240_000]);
  const leastMs = Math.floor(everyMs * 1.2) + timeoutMs + 1;
  if (leastMs > MAX_EXPIRES_IN_MS) {
    const maxEveryMs = Math.ceil(((MAX_EXPIRES_IN_MS - timeoutMs) * 5) / 6) - 1;
    throw new ConfigError('followFlags.everyMs', `at most ${maxEveryMs} where timeoutMs is ${timeoutMs}`, everyMs);
  }
  inRange('followFlags.expiresInMs', expiresInMs, [leastMs, MAX_EXPIRES_IN_MS]);
  const flags = flagsOf(resolved);
  if (followsItself(client))
    throw new ConfigError('followFlags.client', 'of another provider than features themselves', providerName);
  const { actor, clock } = resolved;
  const random = steadyRandom(resolved.random, actor);
  return { degradation, client, flags, context, actor, everyMs, expiresInMs, timeoutMs, clock, random };
}

function flagsOf({
  degradation,
  features,
  flagOf = (feature) => feature,
}: FollowFlagsOptions): FlagFollowerParts['flags'] {
  const known = Object.keys(degradation.features);
  isFunction('followFlags.flagOf', flagOf);
  if (features !== undefined && !Array.isArray(features))
    throw new ConfigError('followFlags.features', 'a list of names of features', features);
  return [...new Set(features ?? known)].map((feature) => {
    if (!known.includes(feature))
      throw new ConfigError('followFlags.features', `names of ${known.join(', ')}`, feature);
    const flag = flagOf(feature);
    isName(`followFlags.flagOf(${feature})`, flag);
    if (CONTROL.test(flag)) throw new ConfigError(`followFlags.flagOf(${feature})`, 'one line', flag);
    return { feature, flag };
  });
}

function isActor(option: string, actor: string): void {
  isName(option, actor);
  if (actor.length > 200 || actor.trim() === '' || CONTROL.test(actor))
    throw new ConfigError(option, 'one line of at most 200 characters, not all blank', actor);
}
