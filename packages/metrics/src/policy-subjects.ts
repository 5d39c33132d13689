/**
 * Policy subjects: the policies of a registry, the members of its keyed policies where they are wanted, and its store.
 *
 * Invariants
 *  (1) Policies are known by their kind, so that another copy of core will do; kinds that are not known are passed over.
 *  (2) What a pipeline is made of has series of its own, in the registry and per key.
 *  (3) What is in several registries is read of the first of them only.
 *  (4) Members that cannot be told spoil nothing else.
 *
 * @module
 */

import type { Fallback, Keyed, NamedPolicy, Pipeline, Policy, Registry } from '@holdfast/core';
import { shownPolicies } from '@holdfast/core/metrics';

import { type PolicyKindName, type ReadablePolicy, isPolicyKind } from './metric-row.ts';
import { OTHER } from './name-cap.ts';
import type { PipelineMeters } from './pipeline-meters.ts';
import { readStore } from './store-source.ts';
import { type Attempt, type Subject, subject } from './subject.ts';

/** A registry and how it is to be read. */
export interface PolicySource {
  /** Tells one policy from another, also from one that had its name before. */
  readonly idOf: (policy: object) => number;
  /** What this reading has found already, in other registries. */
  readonly seen: Set<object>;
  readonly registry: Registry;
  /** Keys of each keyed policy with series of their own; 0 for none. */
  readonly maxKeys: number;
  readonly meters: PipelineMeters;
  readonly attempt: Attempt;
}

/** Returns what is in a registry, not read yet. */
export function policiesOf(source: PolicySource): readonly Subject[] {
  const { idOf, registry, maxKeys, attempt } = source;
  const subjects: Subject[] = [...storeOf(source)];
  for (const policy of shownPolicies(registry)) {
    const { kind, name } = policy;
    if (!isPolicyKind(kind) || !isNew(policy, source)) continue; // (1)
    const parts = { kind, group: kind, place: { name }, identity: String(idOf(policy)) };
    subjects.push(subject(parts, () => readPolicy(policy, kind, source), attempt));
    if (kind !== 'keyed' || maxKeys === 0) continue;
    subjects.push(...(attempt(() => membersOf(policy as Keyed, source), name) ?? [])); // (4)
  }
  return subjects;
}

// --- internal ---

function isNew(found: object, { seen }: PolicySource): boolean {
  if (seen.has(found)) return false; // (3)
  seen.add(found);
  return true;
}

function storeOf(source: PolicySource): readonly Subject[] {
  const { store } = source.registry;
  if (store === undefined || !isNew(store, source)) return [];
  let name = 'store';
  try {
    ({ name } = store.health());
  } catch {
    // reported when it is read
  }
  const parts = { kind: 'store', group: 'store', place: { name }, identity: String(source.idOf(store)) } as const;
  return [subject(parts, () => readStore(store.health()), source.attempt)];
}

/** The members of a keyed policy, each kind capped by itself, so that one with many parts does not crowd out others. */
function membersOf(keyed: Keyed, source: PolicySource): readonly Subject[] {
  const all = [[OTHER, keyed.overflow] as const, ...keyed];
  return all.flatMap(([key, member]) =>
    partsOf(member).map(({ kind, policy }) => {
      const parts = {
        kind,
        group: `${kind}/${source.idOf(keyed)}`,
        place: { name: keyed.name, key },
        identity: String(source.idOf(policy)),
      };
      return subject(parts, () => readPolicy(policy, kind, source), source.attempt);
    }),
  );
}

interface Part {
  readonly kind: PolicyKindName;
  readonly policy: NamedPolicy<unknown>;
}

function partsOf(policy: Policy<unknown>): readonly Part[] {
  const { kind } = policy as Partial<NamedPolicy<unknown>>;
  if (kind === undefined || !isPolicyKind(kind)) return [];
  const own = { kind, policy: policy as NamedPolicy<unknown> };
  return kind === 'pipeline' ? [own, ...(policy as Pipeline<unknown>).policies.flatMap(partsOf)] : [own]; // (2)
}

function readPolicy(policy: NamedPolicy<unknown>, kind: PolicyKindName, { meters }: PolicySource) {
  if (kind === 'pipeline') return meters.read(policy as Pipeline<unknown>);
  return (policy as unknown as Fallback<unknown>).snapshot() as unknown as ReadablePolicy[typeof kind];
}
