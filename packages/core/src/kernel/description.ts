/**
 * Description: what a policy tells about itself, so that a pipeline can be drawn, checked for orders that cannot do what they
 * seem to, and made from configuration, without anybody knowing all kinds of policies.
 *
 * @module
 */

import type { OptionRules } from './option-rules.ts';
import type { NamedPolicy, Policy } from './policy.ts';

/**
 * How much a policy interferes: `enforce` does its work; `observe` lets every call run as if the policy were not there, and
 * counts what it would have done; `off` does nothing and counts nothing.
 */
export type Enforcement = 'enforce' | 'observe' | 'off';

/** The values of {@link Enforcement}. */
export const enforcements: readonly Enforcement[] = Object.freeze(['enforce', 'observe', 'off']);

/**
 * What a policy does to the calls inside it, as far as it matters to others. What is omitted does not apply. Worst cases:
 * no call does more, or takes longer.
 */
export interface PolicyTraits {
  /** How often it runs what is inside, per call. Integer; by default 1. */
  readonly maxRuns?: number;
  /** How many of these runs may be under way at once; by default 1: one after the other. */
  readonly maxConcurrentRuns?: number;
  /** Time after which it settles the call whatever happens inside. Milliseconds; by default Infinity. */
  readonly limitMs?: number;
  /** Time after which it gives up one run of what is inside. Milliseconds; by default Infinity. */
  readonly runLimitMs?: number;
  /** Time that it may wait by itself, over all runs of one call: delays, a place in a queue. Milliseconds; by default 0. */
  readonly maxWaitMs?: number;
  /** From this time on it starts no further run. Milliseconds since the call came; by default Infinity. */
  readonly noRunAfterMs?: number;
  /** Time that passes at least before a further run starts, since the one before it. Milliseconds; by default 0. */
  readonly minRunGapMs?: number;
  /** It refuses calls whose deadline leaves less than this. Milliseconds; by default 0. */
  readonly minTimeLeftMs?: number;
  /** It starts no further run where the deadline leaves less than this. Milliseconds; by default 0. */
  readonly minTimeLeftToRerunMs?: number;
  /** What it runs has no deadline of the callers': the run is shared by several, or goes on in the background. */
  readonly detachesDeadline?: boolean;
  /** It may run what is inside apart from any call, too: to the retries inside, such a run is in no try. */
  readonly runsInBackground?: boolean;
  /** It may run other code of the user's, in place of the operation or after it, and does not limit the time of that. */
  readonly runsOtherCode?: boolean;
  /** It runs what is inside again when that fails: two of them inside one another multiply. */
  readonly retriesFailures?: boolean;
  /** It tells what is inside that a run is one of several tries, through the context. */
  readonly marksTries?: boolean;
  /** Inside one that `marksTries` it does not run again what fails: it leaves that to the outer one, and runs once. */
  readonly runsOnceInsideRetry?: boolean;
  /** It may turn a failure from inside into a value, so that what is outside sees a success. */
  readonly hidesFailures?: boolean;
  /** It decides by the failures that it sees. */
  readonly countsFailures?: boolean;
  /** It takes calls for slow from this time on. Milliseconds. */
  readonly slowCallMs?: number;
  /** It counts no timeout of a call that was given less than this. Milliseconds; by default 0. */
  readonly minTimeoutToJudgeMs?: number;
  /** Time after which the place of a probe that still runs is given to another. Milliseconds. */
  readonly probeLeaseMs?: number;
  /** What must hold for the figures above to be worst cases, where it cannot know: `it stands in no other pipeline`. */
  readonly assumes?: string;
  /** Its state is shared by the calls through it: one per dependency, never one per call. */
  readonly isShared?: boolean;
}

/**
 * A policy, described, as JSON can hold it: `JSON.stringify` writes `Infinity`, which stands for no limit, as null, and nothing
 * else in it is null.
 */
export interface PolicyDescription {
  readonly kind: string;
  readonly name: string;
  readonly enforcement: Enforcement;
  /** The options in force that JSON can hold, and the names of those that it cannot, as `'[function]'`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly traits: PolicyTraits;
}

/** A policy that can be described. */
export interface Describable {
  /** Describes the policy as it is now. */
  describe(): PolicyDescription;
}

/** A policy that is a choice of others: each call goes through one of them. */
export interface HasAlternatives {
  /** The policies that there are to go through now; looking changes nothing. Others, made like them, may come. */
  alternatives(): readonly Policy<unknown>[];
}

/** A policy whose options can be changed while calls run through it. */
export interface Updatable<C extends object = object> {
  /**
   * Changes options; those that are omitted stay. State is kept, and calls under way go on as they began.
   *
   * @throws ConfigError when an option is out of range; then nothing changes.
   * @throws TypeError when an option is unknown or cannot be changed; then nothing changes.
   */
  update(changes: C): void;
  /**
   * Checks changes as `update` does, and returns what makes them, on top of what is in force by then. That never throws: if
   * the changes have become impossible meanwhile, beside those of another plan, none of them is made, and that is reported.
   * For changing several policies or none. `updatable` in update-plan.ts makes both methods.
   */
  planUpdate(changes: C): () => void;
}

/** A kind of policy, as configuration knows it. */
export interface PolicyKind {
  /** The slug, which is `kind` of every policy of this kind. */
  readonly kind: string;
  /** The rules of its options. */
  readonly rules: OptionRules;
  /** The options that have no default. */
  readonly required: readonly string[];
  /**
   * The defaults of the other options, so that one that configuration no longer sets goes back to its own. Without them, only
   * options that `describe` shows can.
   */
  readonly defaults?: object;
  /** Creates a policy of this kind. */
  create(options: never): NamedPolicy<unknown>;
}
