/**
 * Outcome of the reference: what a run says about the dependency, by the default rule.
 *
 * @module
 */

import type { ReferenceContext } from './context.ts';
import { isCancellation, isRejection, isTimeout } from './errors.ts';

export type Verdict = 'success' | 'failure' | 'ignored';

/** What an error says: nothing when it is our refusal, or the caller gave up. */
export function defaultVerdict(error: unknown, context: ReferenceContext): Verdict {
  if (isRejection(error) || isCancellation(error)) return 'ignored';
  if (context.cancelled && !isTimeout(context.cause)) return 'ignored';
  return 'failure';
}
