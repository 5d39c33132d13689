/**
 * Worst case: how often an operation runs, and how long a call takes, at most: from what each policy tells about itself, from
 * the operation outward.
 *
 *   operation        1 run, for any time
 *   timeout 300      1 run,  300 ms
 *   retry 3          3 runs, 3 × 300 ms + 300 ms of waiting
 *   timeout 1000     3 runs, 1000 ms
 *
 * Invariants
 *  (1) No call runs the operation more often than `maxRuns`, or takes longer than `maxTimeMs`, as long as policies stay as they
 *      are and what it `assumes` holds, whatever other calls there are and were.
 *  (2) What is not known has no bound: the operation's time, and everything about a policy that does not describe itself.
 *  (3) A policy that observes or is off does nothing to the call.
 *
 * @module
 */

import type { PolicyTraits } from '../kernel/description.ts';

/** The most that one call does, and how that comes about. */
export interface WorstCase {
  /** Runs of the operation. Integer, or Infinity. */
  readonly maxRuns: number;
  /** How the runs come about: `retry "prices" 3 × hedge "prices" 2`. */
  readonly whyRuns: string;
  /** Time until the call settles. Milliseconds; Infinity where nothing limits it. */
  readonly maxTimeMs: number;
  /** How the time comes about: `3 × 300 ms (timeout "prices") + 200 ms of waiting (retry "prices")`. */
  readonly whyTime: string;
  /** What must hold besides, and nobody inside can know: `cache "prices": it stands in no other pipeline`. Mostly nothing. */
  readonly assumes: readonly string[];
}

/** The operation by itself. */
export const operationAlone: WorstCase = Object.freeze({
  maxRuns: 1,
  whyRuns: 'one run',
  maxTimeMs: Infinity,
  whyTime: 'nothing limits the operation',
  assumes: Object.freeze([]),
});

/** The worst case of a policy around `inside`. `label` says which policy, to people. */
export function around(inside: WorstCase, traits: PolicyTraits, label: string): WorstCase {
  const { maxRuns = 1 } = traits;
  const time = timeOf(inside, traits, label);
  return {
    maxRuns: maxRuns * inside.maxRuns,
    whyRuns: maxRuns === 1 ? inside.whyRuns : product(`${label} ${count(maxRuns)}`, inside),
    maxTimeMs: time.ms,
    whyTime: time.why,
    assumes: traits.assumes === undefined ? inside.assumes : [`${label}: ${traits.assumes}`, ...inside.assumes],
  };
}

/** The worst case around `inside` of a policy of which nothing is known. */
export function aroundUnknown(label: string): WorstCase {
  const why = `${label} does not say`;
  return { maxRuns: Infinity, whyRuns: why, maxTimeMs: Infinity, whyTime: why, assumes: [] };
}

/** The worst case of a call that goes through one of several, which they are: the most of each. */
export function worstOf(first: WorstCase, second: WorstCase): WorstCase {
  const runs = second.maxRuns > first.maxRuns ? second : first;
  const time = second.maxTimeMs > first.maxTimeMs ? second : first;
  return {
    maxRuns: runs.maxRuns,
    whyRuns: runs.whyRuns,
    maxTimeMs: time.maxTimeMs,
    whyTime: time.whyTime,
    assumes: [...new Set([...first.assumes, ...second.assumes])],
  };
}

/** The longest that one run of what is inside takes. Milliseconds. */
export function longestRunMs(inside: WorstCase, { runLimitMs = Infinity }: PolicyTraits): number {
  return Math.min(inside.maxTimeMs, runLimitMs);
}

// --- internal ---

interface Time {
  readonly ms: number;
  readonly why: string;
}

function timeOf(inside: WorstCase, traits: PolicyTraits, label: string): Time {
  const { maxRuns = 1, maxConcurrentRuns = 1, maxWaitMs = 0, limitMs = Infinity, runsOtherCode = false } = traits;
  const rounds = maxRuns === Infinity ? Infinity : Math.ceil(maxRuns / maxConcurrentRuns);
  const runs = inRounds(oneRun(inside, traits, label), rounds, label);
  const waited = waiting(runs, maxWaitMs, label);
  const all = runsOtherCode ? { ms: Infinity, why: `nothing limits the function of ${label}` } : waited;
  return limitMs < all.ms ? { ms: limitMs, why: `${limitMs} ms (${label})` } : all;
}

function oneRun(inside: WorstCase, { runLimitMs = Infinity }: PolicyTraits, label: string): Time {
  if (runLimitMs < inside.maxTimeMs) return { ms: runLimitMs, why: `${runLimitMs} ms (${label})` };
  return { ms: inside.maxTimeMs, why: inside.whyTime };
}

/** However many start at once: with at most `c` under way, the last of `n` ends after at most `ceil(n / c)` times the longest. */
function inRounds({ ms, why }: Time, rounds: number, label: string): Time {
  if (rounds === 1 || ms === Infinity) return { ms, why };
  if (rounds === Infinity) return { ms: Infinity, why: `nothing limits the runs of ${label}` };
  return { ms: rounds * ms, why: `${rounds} × ${why.includes(' + ') ? `(${why})` : why}` };
}

function waiting({ ms, why }: Time, maxWaitMs: number, label: string): Time {
  if (maxWaitMs === 0 || ms === Infinity) return { ms, why };
  if (maxWaitMs === Infinity) return { ms: Infinity, why: `nothing limits the waiting of ${label}` };
  return { ms: ms + maxWaitMs, why: `${why} + ${maxWaitMs} ms of waiting (${label})` };
}

function product(own: string, inside: WorstCase): string {
  if (inside.maxRuns === Infinity) return inside.whyRuns;
  return inside.maxRuns === 1 ? own : `${own} × ${inside.whyRuns}`;
}

function count(runs: number): string {
  return runs === Infinity ? 'any number' : String(runs);
}
