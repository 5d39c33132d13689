/**
 * Open circuits: which circuit breakers are not closed, among policies, those inside of pipelines and of keyed policies included.
 *
 * Invariants
 *  (1) A breaker is named once, however many ways lead to it.
 *  (2) At most `MAX_NAMES` are named, and how many more there are is said: a policy per host may have thousands.
 *
 * @module
 */

import type { NamedPolicy } from '@holdfast/core';

/** Returns the names of the circuit breakers that are not closed, sorted as they are found. Throws what a policy throws. */
export function openCircuitsIn(policies: Iterable<NamedPolicy<unknown>>): string[] {
  const seen = new Set<unknown>();
  const names: string[] = [];
  for (const policy of policies) collect(policy, seen, names);
  if (names.length <= MAX_NAMES) return names;
  return [...names.slice(0, MAX_NAMES), `(${names.length - MAX_NAMES} more)`]; // (2)
}

// --- internal ---

const MAX_NAMES = 20;

/** What a policy may have: its own state, or others that it is made of. */
interface PolicyView {
  readonly kind?: unknown;
  readonly name?: unknown;
  readonly state?: unknown;
  readonly policies?: readonly unknown[];
  alternatives?(): readonly unknown[];
}

function collect(policy: unknown, seen: Set<unknown>, names: string[]): void {
  if (typeof policy !== 'object' || policy === null || seen.has(policy)) return; // (1)
  seen.add(policy);
  const view = policy as PolicyView;
  if (isOpenCircuit(view)) names.push(String(view.name));
  for (const child of view.policies ?? []) collect(child, seen, names);
  for (const child of view.alternatives?.() ?? []) collect(child, seen, names);
}

function isOpenCircuit({ kind, state }: PolicyView): boolean {
  return kind === 'circuit-breaker' && state !== 'closed' && state !== 'forced-closed';
}
