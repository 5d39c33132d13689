/**
 * Passage: one call on its way through one policy: how many attempts the policy has made of it, and whether it had to wait.
 *
 * @module
 */

import { type Clock, type Context, type ContextKey, type NamedPolicy, contextKey } from '@holdfast/core';

/** One call through one policy. */
export interface Passage {
  /** Times that the policy has begun to run what is inside it. */
  attempts: number;
  /** Whether the turn in which the call came to the policy is over. */
  hasTurnEnded: boolean;
  readonly arrivedAt: number;
}

/** A policy that is watched, and the key under which the contexts of its calls carry their passage. */
export interface WatchedPolicy {
  readonly kind: string;
  readonly name: string;
  readonly key: ContextKey<Passage>;
  /** Whether it may run a call several times. */
  readonly hasAttempts: boolean;
  /** Whether calls may wait in it. */
  readonly hasWaits: boolean;
}

/** The keys of policies, each while that is there. */
export type PassageKeys = WeakMap<object, ContextKey<Passage>>;

/** Watches a policy that is shown as `name`; undefined for one that neither repeats calls nor lets them wait. */
export function watchedPolicy(
  policy: NamedPolicy<unknown>,
  name: string,
  keys: PassageKeys,
): WatchedPolicy | undefined {
  const { kind } = policy;
  const hasAttempts = kind === 'retry' || kind === 'hedge';
  const hasWaits = kind === 'bulkhead' || kind === 'rate-limiter';
  if (!hasAttempts && !hasWaits) return undefined;
  let key = keys.get(policy);
  if (key === undefined) keys.set(policy, (key = contextKey<Passage>(`passage through ${kind} ${name}`)));
  return { kind, name, key, hasAttempts, hasWaits };
}

/** A call comes to a policy: returns its passage, and the context that carries it. */
export function arrive(context: Context, { key }: WatchedPolicy, clock: Clock): readonly [Context, Passage] {
  const passage: Passage = { attempts: 0, hasTurnEnded: false, arrivedAt: clock.now() };
  return [context.withValue(key, passage), passage];
}
