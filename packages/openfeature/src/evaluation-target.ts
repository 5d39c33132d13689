/**
 * Evaluation target: for whom a flag is evaluated, in the words of degradation.
 *
 * @module
 */

import type { Target } from '@holdfast/degradation';
import type { EvaluationContext } from '@openfeature/server-sdk';

/**
 * Returns the target of an evaluation: the targeting key, and as attributes what is a string, a number or a boolean at the top
 * of the context. What is nested is not seen; a condition on it does not hold.
 */
export function targetOf(context: EvaluationContext | undefined): Target {
  const { targetingKey, ...rest } = context ?? {};
  const attributes = Object.fromEntries(Object.entries(rest).filter(isAttribute));
  return { key: typeof targetingKey === 'string' && targetingKey !== '' ? targetingKey : undefined, attributes };
}

// --- internal ---

function isAttribute(entry: [string, unknown]): entry is [string, string | number | boolean] {
  return ['string', 'number', 'boolean'].includes(typeof entry[1]);
}
