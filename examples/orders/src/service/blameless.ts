/**
 * Blameless: a dependency is judged by the time that we allow it, not by that of a caller in a hurry. Whoever gives 50 ms for what
 * takes 100 would otherwise open the circuit for all who give a second.
 *
 * It needs a timeout inside of the circuit breaker that is shorter than what most callers give: that one is what judges.
 *
 * @module
 */

import type { Classify } from '@holdfast/core';

/** As `classify` judges, but that the deadline of a caller says nothing. */
export function blameless(classify: Classify): Classify {
  return (outcome, context) =>
    outcome.status === 'rejected' && context.endedBy === 'deadline' ? 'ignored' : classify(outcome, context);
}
