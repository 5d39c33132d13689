/**
 * Subject: one policy or feature, and how it is read, once per scrape.
 *
 * Invariants
 *  (1) Each policy is asked once per reading, however many metrics it has.
 *  (2) A policy or feature that cannot be read spoils no other: it is reported and has no samples this time.
 *
 * @module
 */

import {
  type Bulkhead,
  type CircuitBreaker,
  type Fallback,
  type NamedPolicy,
  type Pipeline,
  type Registry,
  type Retry,
  reportHookError,
} from '@holdfast/core';

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import { type Kind, type MetricRow, type Readable, metricTable } from './metric-table.ts';
import type { Sample } from './sample.ts';

/** Something with a name that has metrics. */
export interface Subject {
  readonly kind: Kind;
  readonly name: string;
  /** Tells it from others of its kind, also from one of the same name in another registry. */
  readonly identity: string;
  /** Reads it. Called once per reading; undefined when it fails. */
  readonly read: () => Samples | undefined;
}

/** What was read of a subject. */
type Samples = ReadonlyMap<MetricRow, readonly Sample[]>;

/** What subjects are found in. `id` tells one source from another. */
export type Source =
  | { readonly id: number; readonly registry: Registry }
  | { readonly id: number; readonly degradation: DegradationSource }
  | { readonly id: number; readonly contexts: ContextSource };

/** Returns what is in `source`, not read yet; undefined when the source cannot say. */
export function subjectsOf(source: Source): readonly Subject[] | undefined {
  if ('registry' in source) return policiesOf(source);
  return 'contexts' in source ? contextsOf(source) : featuresOf(source);
}

// --- internal ---

function policiesOf({ id, registry }: { readonly id: number; readonly registry: Registry }): readonly Subject[] {
  const subjects: Subject[] = [...storeOf({ id, registry })];
  for (const policy of registry) {
    const { kind, name } = policy;
    if (!isPolicyKind(kind)) continue;
    subjects.push({
      kind,
      name,
      identity: `${id}/${name}`,
      read: () => attempt(() => samplesOfPolicy(kind, policy), name),
    });
  }
  return subjects;
}

function featuresOf({ id, degradation }: { readonly id: number; readonly degradation: DegradationSource }) {
  const features = attempt(() => degradation.list(), undefined);
  return features?.map((feature): Subject => {
    const { name } = feature;
    const read = (): Samples | undefined => attempt(() => samplesOf('feature', feature), name);
    return { kind: 'feature', name, identity: `${id}/${name}`, read };
  });
}

function contextsOf({ id, contexts }: { readonly id: number; readonly contexts: ContextSource }) {
  const reading = attempt(() => contexts.snapshot(), undefined);
  if (reading === undefined) return undefined;
  const { name } = reading;
  const read = (): Samples | undefined => attempt(() => samplesOf('context', reading), name);
  return [{ kind: 'context' as const, name, identity: `${id}/${name}`, read }];
}

/** The store that a registry shares circuits through. */
function storeOf({ id, registry }: { readonly id: number; readonly registry: Registry }): readonly Subject[] {
  const { store } = registry;
  if (store === undefined) return [];
  const health = attempt(() => store.health(), 'store');
  if (health === undefined) return [];
  const { name } = health;
  return [
    { kind: 'store', name, identity: `${id}/${name}`, read: () => attempt(() => samplesOf('store', health), name) },
  ];
}

type PolicyKind = Exclude<Kind, 'feature' | 'store' | 'context'>;

/** How each kind of policy is read. Policies are known by their kind, so that another copy of core will do. */
const readers: { readonly [K in PolicyKind]: (policy: NamedPolicy<unknown>) => Readable[K] } = {
  'circuit-breaker': (policy) => (policy as CircuitBreaker).snapshot(),
  bulkhead: (policy) => (policy as Bulkhead).snapshot(),
  retry: (policy) => policy as Retry,
  fallback: (policy) => policy as Fallback<unknown>,
  pipeline: (policy) => (policy as Pipeline<unknown>).calls,
};

function isPolicyKind(kind: string): kind is PolicyKind {
  return Object.hasOwn(readers, kind);
}

function samplesOfPolicy(kind: PolicyKind, policy: NamedPolicy<unknown>): Samples {
  return samplesOf(kind, readers[kind](policy)); // (1)
}

function samplesOf<K extends Kind>(kind: K, reading: Readable[K]): Samples {
  const samples = new Map<MetricRow, readonly Sample[]>();
  for (const row of metricTable) {
    const read = row.read[kind];
    if (read !== undefined) samples.set(row, requireCounts(read(reading)));
  }
  return samples;
}

function requireCounts(samples: readonly Sample[]): readonly Sample[] {
  for (const { value } of samples) {
    if (typeof value === 'number' && value >= 0 && value < Infinity) continue;
    throw new RangeError(`a metric must be a finite number of 0 or more, got ${String(value)}`);
  }
  return samples;
}

function attempt<T>(read: () => T, name: string | undefined): T | undefined {
  try {
    return read();
  } catch (error) {
    reportHookError('prometheus.read', error, name); // (2)
    return undefined;
  }
}
