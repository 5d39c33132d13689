/**
 * Trip rule: whether what a closed circuit has seen is enough to open it. Pure.
 *
 * Invariants
 *  (1) Nothing trips without a failure or a slow call.
 *  (2) A user's rule takes the place of all others; when it throws, it says no.
 *
 * @module
 */

import { askHook } from '../../kernel/hooks.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import { wilsonLowerBound } from '../../mechanisms/wilson-bound.ts';

/** What a closed circuit has seen in its window. */
export interface WindowCounts {
  /** Calls whose verdict was success or failure. */
  readonly calls: number;
  readonly failures: number;
  /** Calls that were found to be slow or fast; a slow one is, as soon as it takes longer than `slowCallMs`. */
  readonly timedCalls: number;
  readonly slowCalls: number;
}

/** Decides whether a circuit opens. Synchronous and pure; called after each call that counts. */
export type ShouldOpen = (window: WindowCounts) => boolean;

/** Which rule opened a circuit: its option's name, `probes`, or `fleet` where the fleet did and nobody said why. */
export type TripReason =
  | 'failureRatio'
  | 'failureCount'
  | 'confidenceRatio'
  | 'slowRatio'
  | 'shouldOpen'
  | 'probes'
  | 'fleet';

/** Whether a word that came from elsewhere names a rule. */
export function isTripReason(word: string | undefined): word is TripReason {
  return (tripReasons as readonly (string | undefined)[]).includes(word);
}

/** What {@link tripReason} decides by; see the options of the policy. */
export interface TripRules {
  readonly failureRatio: number;
  readonly minimumCalls: number;
  /** Infinity where no count opens the circuit. */
  readonly failureCount: number;
  /** The confidence in standard deviations; undefined where `minimumCalls` decides. */
  readonly deviations: number | undefined;
  readonly slowRatio: number;
  readonly shouldOpen: ShouldOpen | undefined;
}

/** Returns the rule by which the circuit called `name` must open, or undefined. */
export function tripReason(
  name: string,
  rules: TripRules,
  window: OutcomeWindow,
  slow: OutcomeWindow | undefined,
): TripReason | undefined {
  if (window.failures === 0 && (slow === undefined || slow.failures === 0)) return undefined; // (1)
  if (rules.shouldOpen !== undefined) return asks(name, rules.shouldOpen, countsOf(window, slow)); // (2)
  if (window.failures >= rules.failureCount) return 'failureCount';
  if (failsTooOften(rules, window)) return rules.deviations === undefined ? 'failureRatio' : 'confidenceRatio';
  return slow !== undefined && isReached(rules.slowRatio, rules, slow) ? 'slowRatio' : undefined;
}

/** Returns what the windows hold. */
export function countsOf(window: OutcomeWindow | undefined, slow: OutcomeWindow | undefined): WindowCounts {
  return {
    calls: window?.calls ?? 0,
    failures: window?.failures ?? 0,
    timedCalls: slow?.calls ?? 0,
    slowCalls: slow?.failures ?? 0,
  };
}

// --- internal ---

const tripReasons: readonly TripReason[] = [
  'failureRatio',
  'failureCount',
  'confidenceRatio',
  'slowRatio',
  'shouldOpen',
  'probes',
  'fleet',
];

function failsTooOften(rules: TripRules, window: OutcomeWindow): boolean {
  return window.failures > 0 && isReached(rules.failureRatio, rules, window);
}

function isReached(
  ratio: number,
  { minimumCalls, deviations }: TripRules,
  { calls, failures }: OutcomeWindow,
): boolean {
  if (deviations === undefined) return calls >= minimumCalls && failures / calls >= ratio;
  return wilsonLowerBound(failures, calls, deviations) >= ratio;
}

function asks(name: string, shouldOpen: ShouldOpen, counts: WindowCounts): TripReason | undefined {
  const opens = askHook(
    'shouldOpen',
    name,
    () => shouldOpen(counts),
    () => false,
  );
  return opens ? 'shouldOpen' : undefined;
}
