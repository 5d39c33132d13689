/**
 * Warning rules: orders and numbers that cannot do what they seem to, each decided from traits alone.
 *
 * Invariants
 *  (1) A rule says only what follows from traits in force: what a policy does not tell, and what does not enforce, is never
 *      the reason of a warning.
 *
 * @module
 */

import { retries } from './describe.ts';
import type { Limit, PlacedPolicy } from './layers.ts';
import { around, longestRunMs } from './worst-case.ts';

/** What a rule found. */
interface Finding {
  /** The policy to change. */
  readonly at: PlacedPolicy;
  readonly message: string;
}

/** One kind of mistake. */
export interface WarningRule {
  /** Stable, literal name. */
  readonly code: string;
  /** When it is told. */
  readonly when: string;
  /** Why that is a mistake. */
  readonly why: string;
  /** What to do about it. */
  readonly advice: string;
}

/** A rule, and how it is decided. */
export interface WarningCheck extends WarningRule {
  /** Looks for it among the layers, outermost first. */
  readonly find: (layers: readonly PlacedPolicy[]) => readonly Finding[];
}

/** Every rule, in the order in which warnings are told. */
export const warningChecks: readonly WarningCheck[] = Object.freeze([
  {
    code: 'LIMIT_SHADOWED',
    when: 'A limit of time is inside one that is shorter or equal.',
    why: 'The outer limit starts no later, so it ends the call first; the inner one never fires.',
    advice: 'Make the inner limit shorter than the outer one, or drop it.',
    find: (layers) => layers.flatMap(shadowedLimit),
  },
  {
    code: 'LIMIT_UNREACHABLE',
    when: 'All that is inside a limit of time is over before the limit, whatever happens.',
    why: 'The limit never fires, and the limits inside decide alone.',
    advice: 'Shorten the limit to what the caller can wait, or drop it.',
    find: (layers) => layers.flatMap(unreachableLimit),
  },
  {
    code: 'ONE_RUN_TAKES_ALL_TIME',
    when: 'Runs that follow each other share a limit, or a time in which they may start, and the first may take all of it.',
    why: 'When the first run hangs, no time is left for another: there is no second try just when it is needed.',
    advice: 'Put a timeout inside that is shorter than the limit divided by the number of runs.',
    find: (layers) => layers.flatMap(greedyRun),
  },
  {
    code: 'RERUN_NEVER_STARTS',
    when: 'A further run starts only after a time, or with a time left, that no call has.',
    why: 'There is one run, whatever the policy was made for.',
    advice: 'Shorten the delay or the time that must be left, or lengthen the limit.',
    find: (layers) => layers.flatMap(impossibleRerun),
  },
  {
    code: 'EVERY_CALL_REFUSED',
    when: 'A policy refuses calls that have less time left than it asks for, and a limit outside gives none that much.',
    why: 'No call ever gets through.',
    advice: 'Ask for less time than the limit gives.',
    find: (layers) => layers.flatMap(impossibleCall),
  },
  {
    code: 'NO_TIME_LIMIT',
    when: 'A policy waits, or runs what no deadline outside reaches, and nothing limits how long that takes.',
    why: 'Only the deadline of a caller ends such a call, and nothing a run in the background: it may hang forever, and hold what it holds.',
    advice: 'Put a timeout inside. Where the policy only waits, it is enough that every caller sets a deadline.',
    find: (layers) => layers.flatMap(endless).slice(0, 1),
  },
  {
    code: 'SLOW_NEVER_SEEN',
    when: 'The time from which a call counts as slow is longer than any call may take.',
    why: 'A limit ends each call before it can be slow: it counts as a failure, never as slow.',
    advice: 'Set the slow threshold below the limit.',
    find: (layers) => layers.flatMap(unseenSlowness),
  },
  {
    code: 'TIMEOUTS_NEVER_COUNTED',
    when: 'A policy counts timeouts only of calls that were given a certain time, and a limit outside gives none that much.',
    why: 'A dependency that hangs never opens the circuit: its timeouts are all put down to hasty callers.',
    advice: 'Ask for less time than the limit gives.',
    find: (layers) => layers.flatMap(uncountedTimeouts),
  },
  {
    code: 'PROBE_OUTLIVES_LEASE',
    when: 'A probe may run longer than it keeps its place.',
    why: 'Others take its place while it still runs: a dependency in trouble gets more probes at once than was said.',
    advice: 'Make the lease longer than a call may take.',
    find: (layers) => layers.flatMap(longProbe),
  },
  {
    code: 'FAILURES_HIDDEN',
    when: 'A policy that answers in place of a failure is inside one that counts or retries failures.',
    why: 'The outer policy sees successes only: it never opens, and never tries again.',
    advice: 'Move the policy that answers outside, to the top.',
    find: (layers) => pairs(layers, looksAtFailures, hidesFailures).map(hidden),
  },
  {
    code: 'ONE_COUNT_FOR_MANY_RUNS',
    when: 'A policy that counts failures is outside one that runs a call several times.',
    why: 'One count stands for several runs: it reacts late, by as many times as there are runs.',
    advice: 'Move what runs several times outside: each run is counted, and a refusal ends them.',
    find: (layers) => pairs(layers, ({ traits }) => traits.countsFailures === true, runsAgain).map(hiddenRuns),
  },
  {
    code: 'RETRIES_MULTIPLY',
    when: 'A policy that retries is inside another one.',
    why: 'The tries multiply: three times three are nine runs, at a time when the dependency is in trouble.',
    advice: 'Retry in one place only.',
    find: (layers) => pairs(layers, repeats, repeats).map(multiplied),
  },
  {
    code: 'RETRIES_AT_ONCE',
    when: 'A policy that retries is inside one that has several runs under way at once.',
    why: 'Each of the runs has tries of its own, at the same time.',
    advice: 'Move the retry outside: then each try is hedged, and the tries follow each other.',
    find: (layers) => pairs(layers, runsAtOnce, repeats).map(multiplied),
  },
  {
    code: 'SAME_POLICY_TWICE',
    when: 'A policy with state that calls share is in the pipeline twice.',
    why: 'Each call counts twice, and a bulkhead waits for a permit that its own call holds.',
    advice: 'Use it once, or make two.',
    find: (layers) => layers.filter(isRepeated).map(repeated),
  },
]);

// --- internal ---

interface Pair {
  readonly outer: PlacedPolicy;
  readonly inner: PlacedPolicy;
}

type Test = (layer: PlacedPolicy) => boolean;

/** Every two layers, one inside the other, of which the outer passes one test and the inner another. */
function pairs(layers: readonly PlacedPolicy[], outerTest: Test, innerTest: Test): Pair[] {
  return layers.flatMap((outer, index) =>
    outerTest(outer)
      ? layers
          .slice(index + 1)
          .filter(innerTest)
          .map((inner) => ({ outer, inner }))
      : [],
  );
}

const repeats: Test = ({ traits }) => retries(traits);
const looksAtFailures: Test = ({ traits }) => traits.countsFailures === true || retries(traits);
const hidesFailures: Test = ({ traits }) => traits.hidesFailures === true;
const runsAgain: Test = ({ traits }) => (traits.maxRuns ?? 1) > 1;
const runsAtOnce: Test = ({ traits }) => (traits.maxConcurrentRuns ?? 1) > 1;

function shadowedLimit(at: PlacedPolicy): Finding[] {
  const { label, limitOutside, traits } = at;
  const { limitMs = Infinity, runLimitMs = Infinity } = traits;
  if (limitMs < Infinity && limitOutside.ms <= limitMs)
    return [{ at, message: `${label} never ends a call after ${limitMs} ms: ${said(limitOutside)}` }];
  if (runLimitMs < Infinity && limitOutside.ms <= runLimitMs)
    return [{ at, message: `${label} never ends a run after ${runLimitMs} ms: ${said(limitOutside)}` }];
  if (runLimitMs < Infinity && limitMs <= runLimitMs)
    return [{ at, message: `${label} never ends a run after ${runLimitMs} ms: all together end after ${limitMs} ms` }];
  return [];
}

function unreachableLimit(at: PlacedPolicy): Finding[] {
  const { label, inside, traits } = at;
  const { limitMs = Infinity, runLimitMs = Infinity } = traits;
  const all = around(inside, { ...traits, limitMs: Infinity }, label);
  if (limitMs < Infinity && all.maxTimeMs < limitMs)
    return [{ at, message: `${label} never ends a call after ${limitMs} ms: all is over after ${over(all)}` }];
  if (runLimitMs < Infinity && inside.maxTimeMs < runLimitMs)
    return [{ at, message: `${label} never ends a run after ${runLimitMs} ms: each is over after ${over(inside)}` }];
  return [];
}

function greedyRun(at: PlacedPolicy): Finding[] {
  const { label, inside, traits, limitOutside } = at;
  const { maxRuns = 1, maxConcurrentRuns = 1, limitMs = Infinity, noRunAfterMs = Infinity } = traits;
  const ownMs = Math.min(limitMs, noRunAfterMs);
  const limit = ownMs < limitOutside.ms ? { ms: ownMs, label } : limitOutside;
  if (maxRuns <= maxConcurrentRuns || limit.ms === Infinity || longestRunMs(inside, traits) < limit.ms) return [];
  return [{ at, message: `one run inside ${label} may take all the time that ${limit.label} gives, ${limit.ms} ms` }];
}

function waitsForever({ traits, worstCase, limitOutside }: PlacedPolicy): boolean {
  const { maxWaitMs = 0 } = traits;
  const isKnown = worstCase.maxRuns < Infinity;
  return isKnown && maxWaitMs > 0 && worstCase.maxTimeMs === Infinity && limitOutside.ms === Infinity;
}

function endless(at: PlacedPolicy): Finding[] {
  const { label, inside, traits, worstCase } = at;
  if (waitsForever(at))
    return [{ at, message: `nothing limits the time of a call through ${label}: ${worstCase.whyTime}` }];
  const isDetached = traits.detachesDeadline === true && inside.maxRuns < Infinity && inside.maxTimeMs === Infinity;
  return isDetached ? [{ at, message: `no deadline outside reaches what ${label} runs: ${inside.whyTime}` }] : [];
}

function impossibleRerun(at: PlacedPolicy): Finding[] {
  const { label, inside, traits, limitOutside } = at;
  if (!runsAgain(at)) return [];
  const { noRunAfterMs = Infinity, minRunGapMs = 0, minTimeLeftToRerunMs = 0 } = traits;
  const needMs = minRunGapMs + minTimeLeftToRerunMs;
  const ran = `${label} never runs again`;
  if (limitOutside.ms <= needMs) return [{ at, message: `${ran}, which takes ${needMs} ms: ${said(limitOutside)}` }];
  if (noRunAfterMs <= minRunGapMs)
    return [{ at, message: `${ran}, which takes ${minRunGapMs} ms: it has ${noRunAfterMs} ms to start in` }];
  if (runsAtOnce(at) && inside.maxTimeMs < minRunGapMs)
    return [{ at, message: `${ran} after ${minRunGapMs} ms: each run is over after ${over(inside)}` }];
  return [];
}

function impossibleCall(at: PlacedPolicy): Finding[] {
  const { label, traits, limitOutside } = at;
  const { minTimeLeftMs = 0 } = traits;
  if (limitOutside.ms >= minTimeLeftMs) return [];
  return [{ at, message: `${label} wants ${minTimeLeftMs} ms for each call: ${said(limitOutside)}` }];
}

function uncountedTimeouts(at: PlacedPolicy): Finding[] {
  const { label, traits, limitOutside } = at;
  const { minTimeoutToJudgeMs = 0 } = traits;
  if (limitOutside.ms >= minTimeoutToJudgeMs) return [];
  return [{ at, message: `${label} counts timeouts from ${minTimeoutToJudgeMs} ms on: ${said(limitOutside)}` }];
}

function longProbe(at: PlacedPolicy): Finding[] {
  const { label, inside, traits, limitOutside } = at;
  const { probeLeaseMs = Infinity } = traits;
  const longestMs = Math.min(inside.maxTimeMs, limitOutside.ms);
  if (longestMs === Infinity || longestMs <= probeLeaseMs) return [];
  return [
    { at, message: `a probe of ${label} may run for ${longestMs} ms, and keeps its place for ${probeLeaseMs} ms` },
  ];
}

function unseenSlowness(at: PlacedPolicy): Finding[] {
  const { label, inside, traits, limitOutside } = at;
  const { slowCallMs = Infinity } = traits;
  if (slowCallMs === Infinity) return [];
  if (limitOutside.ms < slowCallMs)
    return [{ at, message: `${label} sees no call of ${slowCallMs} ms: ${said(limitOutside)}` }];
  if (inside.maxTimeMs < slowCallMs)
    return [{ at, message: `${label} sees no call of ${slowCallMs} ms: each is over after ${over(inside)}` }];
  return [];
}

function hidden({ outer, inner }: Pair): Finding {
  return { at: inner, message: `${inner.label} hides failures from ${outer.label}, which is outside it` };
}

function hiddenRuns({ outer, inner }: Pair): Finding {
  const { maxRuns = 1 } = inner.traits;
  return { at: outer, message: `${outer.label} counts one call for up to ${maxRuns} runs of ${inner.label} inside it` };
}

function multiplied({ outer, inner }: Pair): Finding {
  const [outerRuns, innerRuns] = [outer.traits.maxRuns ?? 1, inner.traits.maxRuns ?? 1];
  const runs = outerRuns * innerRuns;
  return { at: inner, message: `${outer.label} and ${inner.label} make ${outerRuns} × ${innerRuns} = ${runs} runs` };
}

function isRepeated({ policy, traits }: PlacedPolicy, index: number, layers: readonly PlacedPolicy[]): boolean {
  return traits.isShared === true && layers.findIndex((other) => other.policy === policy) < index;
}

function repeated(at: PlacedPolicy): Finding {
  return { at, message: `${at.label} is in the pipeline more than once` };
}

function said({ ms, label }: Limit): string {
  return `${label} outside it ends the call after ${ms} ms`;
}

function over({ maxTimeMs, whyTime }: { readonly maxTimeMs: number; readonly whyTime: string }): string {
  return whyTime.startsWith(`${maxTimeMs} ms`) ? whyTime : `${maxTimeMs} ms, ${whyTime}`;
}
