/**
 * Case: a pipeline and a schedule of calls, as plain data, so that it can be printed, shrunk and played twice.
 *
 * All times are whole milliseconds. What is played adds to each a fraction of its own, so that no two things that are not
 * cause and effect happen at one instant.
 *
 * @module
 */

/** Settings of a fallback. */
export interface FallbackSpec {
  readonly kind: 'fallback';
  readonly handles: Acceptance;
  /** `value` gives one; the others are how the substitute ends. */
  readonly answer: 'value' | 'returns' | 'throws' | 'resolves-later' | 'rejects-later' | 'resolves-at-once' | 'never';
  readonly answerMs: number;
}

/** Settings of a retry. */
export interface RetrySpec {
  readonly kind: 'retry';
  readonly maxAttempts: number;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly maxRetryRatio: number;
  readonly isRetryable: Acceptance;
  readonly clock: ClockName;
}

/** Settings of a circuit breaker. */
export interface BreakerSpec {
  readonly kind: 'breaker';
  readonly failureRatio: number;
  readonly minimumCalls: number;
  readonly window: { readonly kind: 'count'; readonly size: number } | TimeWindowSpec;
  readonly openForMs: number;
  readonly maxProbes: number;
  readonly probeSuccessRatio: number;
  readonly probeLeaseMs: number;
  readonly classify: Classification;
  readonly clock: ClockName;
}

/** A window of time. */
interface TimeWindowSpec {
  readonly kind: 'time';
  readonly durationMs: number;
  readonly bucketCount: number;
}

/** Settings of a bulkhead. */
export interface BulkheadSpec {
  readonly kind: 'bulkhead';
  readonly maxConcurrent: number;
  readonly maxQueued: number;
}

/** Settings of a timeout. */
export interface TimeoutSpec {
  readonly kind: 'timeout';
  readonly timeoutMs: number;
  readonly clock: ClockName;
}

/** A policy with nothing but `execute`. */
export interface ForeignSpec {
  readonly kind: 'foreign';
  readonly does:
    | 'passes'
    | 'awaits'
    | 'waits-before'
    | 'waits-after'
    | 'tries-twice'
    | 'swallows'
    | 'derives'
    | 'forgets-context'
    | 'rejects'
    | 'throws'
    | 'hedges';
  readonly ms: number;
}

/** One layer of a pipeline. `same` is the policy of an earlier layer once more. */
export type LayerSpec =
  | FallbackSpec
  | RetrySpec
  | BreakerSpec
  | BulkheadSpec
  | TimeoutSpec
  | ForeignSpec
  | { readonly kind: 'pipeline'; readonly layers: readonly LayerSpec[] }
  | { readonly kind: 'same'; readonly as: number };

/** Which errors a hook accepts: the default rule, those that are marked, or none, since the hook throws. */
export type Acceptance = 'default' | 'marked' | 'throws';

/** How outcomes are judged: the default rule, marked ones the other way round, or not at all, since the hook fails. */
type Classification = 'default' | 'marked' | 'throws' | 'invalid';

/** Which of the clocks a policy is on. */
type ClockName = 'main' | 'ahead' | 'behind';

/** Errors of the library that an operation may come back with. */
export type OurErrorKind = 'circuit-open' | 'bulkhead-full' | 'cancelled' | 'deadline' | 'timeout';

/** What one run of an operation does. */
export interface RunSpec {
  /** A function that returns, a promise that settles at once, after some time, or never. */
  readonly when: 'returns' | 'at-once' | 'later' | 'never';
  readonly afterMs: number;
  readonly outcome: 'value' | 'error' | 'undefined' | 'marked-value' | 'marked-error' | OurErrorKind;
  /** How it looks at its context. */
  readonly watches: 'nothing' | 'state' | 'listener' | 'signal';
  /** Whether it stops, with an error of its own or the cause, when it is told that its context ended. */
  readonly stops: 'no' | 'own-error' | 'cause';
  /** Whether its promise is not a native one. */
  readonly isThenable: boolean;
}

/** Who calls: how its context is made and ends. */
export interface CallerSpec {
  readonly context: 'none' | 'background' | 'clock' | 'ahead' | 'behind' | 'signal';
  /** Time that the caller gives; undefined for any. */
  readonly deadlineMs: number | undefined;
  /** When the caller gives up, from the call on; undefined for never, negative for before the call. */
  readonly cancelAfterMs: number | undefined;
  /** Why it gives up. */
  readonly cause: 'default' | 'error';
}

/** One call through the pipeline. */
export interface CallSpec {
  readonly startMs: number;
  readonly caller: CallerSpec;
  /** What its runs do, one after the other; the last one is repeated. */
  readonly runs: readonly RunSpec[];
}

/** Something that is done to the policies from outside. */
interface VisitSpec {
  readonly atMs: number;
  /** Reads all statistics, or closes one of the circuits. */
  readonly does: 'read' | 'reset';
  readonly which: number;
}

/** A pipeline and what happens to it. */
export interface Case {
  /** Which sort of case it is; see `arbitrary.ts`. */
  readonly family: 'queues' | 'plain' | 'foreign';
  readonly layers: readonly LayerSpec[];
  readonly calls: readonly CallSpec[];
  readonly visits: readonly VisitSpec[];
  /** Whether the clock can tell the end of a turn of the event loop. */
  readonly hasTurns: boolean;
  readonly listeners: 'one' | 'none' | 'throwing';
  readonly seed: number;
}
