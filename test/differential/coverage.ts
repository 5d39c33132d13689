/**
 * Coverage: how often what the test is about has happened, so that it cannot pass by testing nothing.
 *
 * @module
 */

import type { Comparison } from './compare.ts';

/** Counts what happens over many cases. */
export class Coverage {
  readonly #counts = new Map<string, number>();
  caseCount = 0;

  add({ reference, notes }: Comparison): void {
    this.caseCount++;
    for (const note of notes) this.#count(note);
    for (const line of reference) {
      for (const [what, pattern] of PATTERNS) if (pattern.test(line)) this.#count(what);
    }
  }

  /** Everything that should have happened, and how often it did per 10,000 cases. */
  get perTenThousand(): ReadonlyMap<string, number> {
    const all = [...PATTERNS.map(([what]) => what), ...NOTES];
    return new Map(all.map((what) => [what, ((this.#counts.get(what) ?? 0) * 10_000) / Math.max(1, this.caseCount)]));
  }

  #count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

// --- internal ---

/** What the reference notes. */
const NOTES = [
  'a call waits in a queue',
  'a call leaves a queue',
  'a call settles while it starts',
  'a try is repeated',
  'a timeout leaves the context as it is',
  'an outcome comes from an earlier state',
  'a probe comes back after its lease',
  'a probe says nothing',
  'a time window forgets a part',
];

const OUR_CODES = [
  'CIRCUIT_OPEN',
  'BULKHEAD_FULL',
  'TIMEOUT',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
  'FALLBACK_FAILED',
] as const;

const TRANSITIONS = [
  ['closed', 'open'],
  ['open', 'half-open'],
  ['half-open', 'open'],
  ['half-open', 'closed'],
  ['open', 'closed'],
] as const;

/** What the lines of the journal tell. */
const PATTERNS: readonly (readonly [string, RegExp])[] = [
  ['a call ends with the value of the operation', /call \d+ value value of run/],
  ['a call ends with a substitute', /call \d+ value (value|answer) of fallback/],
  ['a call ends with the error of the operation', /call \d+ error (marked )?error of run/],
  ['a call ends with undefined as its error', /call \d+ error undefined/],
  ['a call ends with a cause of the caller', /call \d+ error cause/],
  [
    'a call ends with an error of ours that the operation threw',
    /call \d+ error (circuit-open|bulkhead-full|timeout) of run/,
  ],
  ['a call ends with what a foreign policy made of it', /call \d+ (value|error) (value|error) of foreign/],
  ...OUR_CODES.map((code) => [`a call ends with ${code}`, new RegExp(`call \\d+ error #\\d+ code=${code} `)] as const),
  ...TRANSITIONS.map(
    ([from, to]) =>
      [`a circuit goes from ${from} to ${to}`, new RegExp(`transitioned from=${from} .*to=${to} `)] as const,
  ),
  ['a circuit refuses while open', /circuit-breaker\.rejected .*reason=open /],
  ['a circuit refuses while half-open', /circuit-breaker\.rejected .*reason=half-open-full/],
  ['a bulkhead refuses', /bulkhead\.rejected/],
  ['a retry is scheduled', /retry\.scheduled/],
  ...(['attempts', 'not-retryable', 'budget', 'deadline', 'ended'] as const).map(
    (reason) => [`a retry gives up: ${reason}`, new RegExp(`retry\\.gave-up .*reason=${reason} `)] as const,
  ),
  ['a fallback is used', /fallback\.used/],
  ['an operation is told of the end of its context', /run \d+\.\d+ is told/],
  ['a hook throws', /a hook threw/],
  ['statistics are read', / reads \{/],
  ['a call never settles', /^pipeline-\d+ .*"running":[1-9]/],
];
