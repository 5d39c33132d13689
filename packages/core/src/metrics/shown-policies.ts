/**
 * Shown policies: whose counts metrics show: policies, and what their pipelines are made of.
 *
 *   registry ─► its policies ─► parts of its pipelines, those of pipelines in them included
 *
 * Invariants
 *  (1) A policy is told once, however many ways lead to it; those that were given come first.
 *  (2) Of parts, those are told that have a name of their own: all that are called `retry` would be one.
 *  (3) Policies per key are not told, since there may be thousands of them.
 *
 * @module
 */

import type { Pipeline } from '../kernel/pipeline.ts';
import type { NamedPolicy, Policy } from '../kernel/policy.ts';

/**
 * Returns the policies whose counts are shown: `policies`, as a registry has them, and the parts of the pipelines among them
 * that count and have a name of their own, not that of their kind.
 */
export function shownPolicies(policies: Iterable<NamedPolicy<unknown>>): readonly NamedPolicy<unknown>[] {
  const given = [...policies];
  const shown = new Set(given); // (1)
  const entered = new Set<object>();
  for (const policy of given) addParts(policy, shown, entered);
  return [...shown];
}

// --- internal ---

function addParts(policy: Policy<unknown>, shown: Set<NamedPolicy<unknown>>, entered: Set<object>): void {
  if (!isPipeline(policy) || entered.has(policy)) return; // (3)
  entered.add(policy);
  for (const part of policy.policies) {
    if (isCounting(part) && part.name !== part.kind) shown.add(part); // (2)
    addParts(part, shown, entered);
  }
}

function isPipeline(policy: Policy<unknown>): policy is Pipeline<unknown> {
  const { kind, policies } = policy as Partial<Pipeline<unknown>>;
  return kind === 'pipeline' && Array.isArray(policies);
}

function isCounting(policy: Policy<unknown>): policy is NamedPolicy<unknown> {
  const { kind, name, snapshot } = policy as Partial<NamedPolicy<unknown> & { snapshot: unknown }>;
  return typeof name === 'string' && (typeof snapshot === 'function' || kind === 'pipeline');
}
