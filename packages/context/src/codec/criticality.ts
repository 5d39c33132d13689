/**
 * Criticality: how much it matters that a request is answered, so that every service on its way sheds the same ones first.
 *
 * Source: Site Reliability Engineering, "Handling Overload", B. Beyer et al., 2016, https://sre.google/sre-book/handling-overload/.
 * Deviation: none; four levels of the same names.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from '@holdfast/core';

/** From what matters most to what is shed first. What says nothing is `critical`. */
export type Criticality = 'critical-plus' | 'critical' | 'sheddable-plus' | 'sheddable';

/** Where a context holds the criticality of its request. */
export const criticality: ContextKey<Criticality> = contextKey<Criticality>('criticality');

/** All there are, from what matters most to what is shed first. */
export const criticalities: readonly Criticality[] = Object.freeze([
  'critical-plus',
  'critical',
  'sheddable-plus',
  'sheddable',
] as const);

/** Returns the criticality of a request: `critical`, where nothing was said, or what is none of the four. */
export function criticalityOf(context: Context): Criticality {
  const said = context.value(criticality);
  return isCriticality(said) ? said : 'critical';
}

/** Returns the priority, 0 to 9, by which a bulkhead takes calls of this criticality: 9, 6, 3 or 0. */
export function priorityOf(context: Context): number {
  return 9 - 3 * rankOf(criticalityOf(context));
}

/** Whether `value` is a criticality. */
export function isCriticality(value: unknown): value is Criticality {
  return criticalities.includes(value as Criticality);
}

/** Returns the one of the two that matters less. */
export function lesserOf(one: Criticality, other: Criticality): Criticality {
  return rankOf(one) > rankOf(other) ? one : other;
}

/** The place among all, 0 for what matters most: one digit in the compact form. */
export function rankOf(value: Criticality): number {
  return criticalities.indexOf(value);
}

/** Returns the criticality of a rank that was written as one digit; undefined for what is none. */
export function criticalityOfRank(digit: string | undefined): Criticality | undefined {
  return digit?.length === 1 ? criticalities['0123'.indexOf(digit)] : undefined;
}
