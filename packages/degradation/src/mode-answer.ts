/**
 * Mode answer: runs the function of a mode and, where somebody asks with `sourced` or `sourcedCall`, says where its value came
 * from.
 *
 * Invariants
 *  (1) Without being asked it is the function, and nothing else.
 *  (2) The value of the best mode is what its function says of it: `primary`, unless a policy in it answered otherwise.
 *  (3) The value of a lesser mode is a `fallback` of the feature, with the mode as its step; it is `cached` or `stale`, and as
 *      old, where a cache in its function gave it.
 *  (4) The reason is `degraded` for the mode that was read, and that of the error for one that was fallen to.
 *
 * @module
 */

import {
  type Context,
  type Provenance,
  type SubstituteReason,
  isRejection,
  isSourced,
  isTimeout,
  noteProvenance,
  sourcedCall,
} from '@holdfast/core';

/** Which mode answers, and why. */
export interface ModeAnswer {
  readonly feature: string;
  readonly mode: string;
  readonly isBest: boolean;
  /** What the mode above failed with; undefined for the mode that was read. */
  readonly failure?: { readonly error: unknown } | undefined;
}

/** Runs the function of a mode. */
export function answerBy(run: (context: Context) => unknown, context: Context, answer: ModeAnswer): unknown {
  return isSourced(context) ? answerAsked(run, context, answer) : run(context); // (1)
}

/** Forgets what an earlier try of the same call said. */
export function forgetAnswer(context: Context): void {
  noteProvenance(context, undefined);
}

// --- internal ---

async function answerAsked(run: (context: Context) => unknown, context: Context, answer: ModeAnswer): Promise<unknown> {
  const { value, ...inner } = await sourcedCall(run, context);
  noteProvenance(context, answer.isBest ? inner : lesser(inner, answer)); // (2)
  return value;
}

function lesser(inner: Provenance, { feature, mode, failure }: ModeAnswer): Provenance {
  const isOwn = inner.source === 'primary';
  return {
    source: isOwn ? 'fallback' : inner.source, // (3)
    policy: feature,
    step: mode,
    reason: failure === undefined ? 'degraded' : reasonOf(failure.error), // (4)
    error: failure?.error,
    ageMs: isOwn ? undefined : inner.ageMs,
  };
}

function reasonOf(error: unknown): SubstituteReason {
  if (isRejection(error)) return 'rejection';
  return isTimeout(error) ? 'timeout' : 'error';
}
