/**
 * Soak place: what the processes of a soak share: where they meet, which circuits there are, and how these decide.
 *
 * @module
 */

import type { CircuitBreakerOptions } from '@holdfast/core';

/** One fleet: stores that meet under one namespace. */
export interface SoakPlace {
  readonly namespace: string;
  readonly shardCount: number;
  readonly mode: 'ruling' | 'window';
}

/** All of them. */
export const soakPlaces: readonly SoakPlace[] = [
  { namespace: 'soak-ruling', shardCount: 1, mode: 'ruling' },
  { namespace: 'soak-window', shardCount: 4, mode: 'window' },
];

/** Names of circuits. Few enough that all close in the end, and so many that they come and go. */
export const circuitNames: readonly string[] = Array.from({ length: 14 }, (_, index) =>
  index % 5 === 0 ? `stock/eu ${index}` : `prices-${index}`,
);

/** A lease lives for so long at the most. Milliseconds. */
const LEASE_MS = 800;

/** How the circuit of that name decides in all processes. */
export function rulesOf(name: string, { mode }: SoakPlace): CircuitBreakerOptions {
  const kind = name.length % 3;
  return {
    name,
    window: mode === 'window' ? { kind: 'time', durationMs: 2000, bucketCount: 10 } : { kind: 'count', size: 10 },
    minimumCalls: 5,
    openForMs: 200 + 100 * kind,
    maxOpenForMs: 1000,
    maxProbes: 1 + kind,
    probeLeaseMs: LEASE_MS,
    rampUpMs: kind === 0 ? 300 : 0,
  };
}
