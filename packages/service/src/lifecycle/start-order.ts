/**
 * Start order: what must be started before what, and how far the drains of a service reach.
 *
 * Invariants
 *  (1) A component comes after all that it depends on.
 *  (2) Where that leaves a choice, the one that was added first comes first.
 *  (3) A name that is not there, or a circle, is refused, with the names.
 *
 * Source: topological sorting of large networks, A. B. Kahn, Communications of the ACM 5 (11), 1962.
 * Deviation: of those that are free, the first in the list is taken, so that the order is always the same.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** What is ordered: names, and the names of what they need. */
export interface Ordered {
  readonly name: string;
  /** Undefined where nobody has said. */
  readonly dependsOn?: readonly string[] | undefined;
}

/**
 * Returns `components` in the order in which they are started. Cost: quadratic, for the tens that a service has.
 *
 * @throws ConfigError when a component depends on one that is not there, or on itself, if over others.
 */
export function startOrder<C extends Ordered>(components: readonly C[]): C[] {
  requireKnown(components);
  const ordered: C[] = [];
  const waiting = [...components];
  const started = new Set<string>();
  while (waiting.length > 0) {
    const free = waiting.findIndex(({ dependsOn = [] }) => dependsOn.every((name) => started.has(name))); // (1), (2)
    if (free < 0) throw circleError(waiting);
    const [next] = waiting.splice(free, 1) as [C];
    started.add(next.name);
    ordered.push(next);
  }
  return ordered;
}

/**
 * Returns what each component uses, by name: what it says, or else all that start before it. `ordered` is in start order, so that
 * there is no circle.
 */
export function usesOf(ordered: readonly Ordered[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    ordered.map(({ name, dependsOn }, index) => [
      name,
      dependsOn ?? ordered.slice(0, index).map((other) => other.name),
    ]),
  );
}

/**
 * Returns for each component, by name, the drains that must fit in the time that is left when its own begins, each by its weight: its own,
 * and the heaviest chain of those that wait for it. Without weights, each weighs 1. `ordered` is in start order.
 */
export function drainDepths<C extends Ordered & { readonly drain?: unknown }>(
  ordered: readonly C[],
  weightOf: (component: C) => number = () => 1,
): ReadonlyMap<string, number> {
  const uses = usesOf(ordered);
  const depths = new Map<string, number>();
  for (const component of ordered) {
    const below = Math.max(0, ...(uses.get(component.name) ?? []).map((other) => depths.get(other) ?? 0));
    depths.set(component.name, below + (component.drain === undefined ? 0 : weightOf(component)));
  }
  return depths;
}

// --- internal ---

function requireKnown(components: readonly Ordered[]): void {
  const known = new Set(components.map(({ name }) => name));
  for (const { name, dependsOn = [] } of components) {
    const missing = dependsOn.find((other) => !known.has(other));
    if (missing !== undefined) throw new ConfigError(`lifecycle.${name}.dependsOn`, 'names of components', missing); // (3)
  }
}

function circleError(waiting: readonly Ordered[]): ConfigError {
  const path: string[] = [];
  const stuck = new Map(waiting.map(({ name, dependsOn = [] }) => [name, dependsOn]));
  let name = waiting[0]?.name ?? '';
  while (!path.includes(name)) {
    path.push(name);
    name = stuck.get(name)?.find((other) => stuck.has(other)) ?? name;
  }
  const circle = [...path.slice(path.indexOf(name)), name].join(' -> ');
  return new ConfigError(`lifecycle.${name}.dependsOn`, 'free of circles', circle); // (3)
}
