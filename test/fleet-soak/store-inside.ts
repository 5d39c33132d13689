/**
 * Store inside: what a store keeps in memory, counted: circuits, leases and what waits to be told.
 *
 * @module
 */

import type { RedisCircuitStore } from '@holdfast/redis';

/** The fields of a store that are counted. */
interface StoreInside {
  readonly shards: ReadonlyMap<number, { readonly node: NodeInside }>;
  readonly sharing: { readonly waiting: ReadonlySet<unknown> };
}

interface NodeInside {
  readonly circuits: ReadonlyMap<string, { readonly leases: { readonly size: number; readonly reportCount: number } }>;
  readonly restless: { readonly speakers: ReadonlySet<unknown> };
  readonly reports: { readonly reports: ReadonlyMap<unknown, unknown> };
}

/** What `store` keeps, as sentences; empty where it keeps nothing. */
export function keptIn(store: RedisCircuitStore): readonly string[] {
  const { shards, sharing } = store as unknown as StoreInside;
  const nodes = [...shards.values()].map(({ node }) => node);
  const circuits = nodes.flatMap((node) => [...node.circuits]);
  const leases = circuits.reduce((sum, [, each]) => sum + each.leases.size + each.leases.reportCount, 0);
  const sizes: readonly (readonly [number, string])[] = [
    [circuits.length, `circuits: ${circuits.map(([name]) => name).join(', ')}`],
    [leases, 'leases'],
    [nodes.reduce((sum, node) => sum + node.restless.speakers.size, 0), 'circuits that have something to say'],
    [nodes.reduce((sum, node) => sum + node.reports.reports.size, 0), 'reports of windows'],
    [sharing.waiting.size, 'calls that wait'],
  ];
  return sizes.filter(([size]) => size > 0).map(([size, what]) => `a store keeps ${size} ${what}`);
}
