/**
 * Tapped registry: one tap for all pipelines and keyed policies of a registry, those that are there and those that come.
 *
 * @module
 */

import type { Keyed, NamedPolicy, Pipeline, PipelineTap, Registry } from '@holdfast/core';

/** Attaches `tap` to what can be tapped in `registry`. Returns what takes it away. */
export function tapCalls(registry: Registry, tap: PipelineTap): () => void {
  const removals = new Map<NamedPolicy<unknown>, () => void>();
  const stopWatching = registry.watch({
    added: (policy) => {
      if (canBeTapped(policy)) removals.set(policy, policy.tapWith(tap));
    },
    removed: (policy) => {
      removals.get(policy)?.();
      removals.delete(policy);
    },
  });
  return () => {
    stopWatching();
    for (const remove of removals.values()) remove();
    removals.clear();
  };
}

// --- internal ---

/** A pipeline or a keyed policy, by its shape, so that another copy of core will do. */
function canBeTapped(policy: NamedPolicy<unknown>): policy is Pipeline<unknown> | Keyed {
  const { kind, tapWith } = policy as Partial<Pipeline<unknown>>;
  return (kind === 'pipeline' || kind === ('keyed' as string)) && typeof tapWith === 'function';
}
