/**
 * Outcome: what one run of an operation came to, in the one vocabulary that all policies share.
 *
 * Invariants
 *  (1) By default a value is a success, an error a failure; a rejection of ours and a cancellation by the caller are
 *      ignored, because they say nothing about the dependency.
 *  (2) A deadline that passed while the operation ran is a failure: the dependency was too slow.
 *  (3) A `classify` that throws is reported, and the default rule decides.
 *  (4) An error of a run that a policy of ours ended because another one came first is ignored, and no `classify` is asked.
 *
 * @module
 */

import { isCancelled, isSuperseded, isTimeout } from './cancellation.ts';
import type { Context } from './context.ts';
import { isRejection } from './errors.ts';
import { ignoreRejection, reportHookError } from './hooks.ts';

/** How one run of an operation ended. */
export type Outcome =
  | { readonly status: 'fulfilled'; readonly value: unknown }
  | { readonly status: 'rejected'; readonly error: unknown };

/** What an outcome says about the dependency. `ignored`: nothing. */
export type Verdict = 'success' | 'failure' | 'ignored';

/**
 * Decides what an outcome says about the dependency. Synchronous and pure; called at most once per run, and not for the error
 * of a run that a hedge ended because another copy won: that is ignored.
 */
export type Classify = (outcome: Outcome, context: Context) => Verdict;

/** The rule where no `classify` is given: invariants (1) and (2). */
export const classifyByError: Classify = (outcome, context) =>
  outcome.status === 'fulfilled' ? 'success' : verdictOfError(outcome.error, context);

/** Judges a value. */
export function judgeValue(classify: Classify, value: unknown, context: Context, policy: string): Verdict {
  if (classify === classifyByError) return 'success';
  return judge(classify, { status: 'fulfilled', value }, context, policy);
}

/** Judges an error. */
export function judgeError(classify: Classify, error: unknown, context: Context, policy: string): Verdict {
  if (classify === classifyByError) return verdictOfError(error, context);
  if (isSuperseded(error) || isSuperseded(context.cause)) return 'ignored'; // (4)
  return judge(classify, { status: 'rejected', error }, context, policy);
}

// --- internal ---

function judge(classify: Classify, outcome: Outcome, context: Context, policy: string): Verdict {
  try {
    const verdict = classify(outcome, context);
    if (verdict === 'success' || verdict === 'failure' || verdict === 'ignored') return verdict;
    ignoreRejection(verdict);
    throw new TypeError(`classify must return 'success', 'failure' or 'ignored', got ${String(verdict)}`);
  } catch (error) {
    reportHookError('classify', error, policy); // (3)
    return classifyByError(outcome, context);
  }
}

function verdictOfError(error: unknown, context: Context): Verdict {
  if (isRejection(error) || isCancelled(error)) return 'ignored';
  if (!context.cancelled) return 'failure';
  return context.endedBy === 'deadline' || isTimeout(context.cause) ? 'failure' : 'ignored'; // (2)
}
