/**
 * Policy subjects: the policies of a registry, the members of its keyed policies where they are wanted, and its store.
 *
 * Invariants
 *  (1) Policies are known by their kind, so that another copy of core will do; kinds that are not known are passed over.
 *  (2) What is part of a pipeline has no series of its own, but for pipelines that are members of a keyed policy: nobody could
 *      add their parts to a registry.
 *
 * @module
 */

import type { Fallback, Keyed, NamedPolicy, Pipeline, Policy, Registry } from '@holdfast/core';

import { type PolicyKindName, type ReadablePolicy, isPolicyKind } from './metric-row.ts';
import { OTHER } from './name-cap.ts';
import type { PipelineMeters } from './pipeline-meters.ts';
import { readStore } from './store-source.ts';
import { type Subject, subject } from './subject.ts';

/** A registry and how it is to be read. */
export interface PolicySource {
  readonly id: number;
  readonly registry: Registry;
  /** Keys of each keyed policy with series of their own; 0 for none. */
  readonly maxKeys: number;
  readonly meters: PipelineMeters | undefined;
}

/** Returns what is in a registry, not read yet. */
export function policiesOf(source: PolicySource): readonly Subject[] {
  const { id, registry, maxKeys } = source;
  const subjects: Subject[] = [...storeOf(source)];
  for (const policy of registry) {
    const { kind, name } = policy;
    if (!isPolicyKind(kind)) continue; // (1)
    subjects.push(
      subject({ kind, group: kind, place: { name }, identity: `${id}/${name}` }, () =>
        readPolicy(policy, kind, source),
      ),
    );
    if (kind === 'keyed' && maxKeys > 0) subjects.push(...membersOf(policy as Keyed, source));
  }
  return subjects;
}

// --- internal ---

function storeOf({ id, registry }: PolicySource): readonly Subject[] {
  const { store } = registry;
  if (store === undefined) return [];
  let name = 'store';
  try {
    ({ name } = store.health());
  } catch {
    // reported when it is read
  }
  const parts = { kind: 'store', group: 'store', place: { name }, identity: `${id}/${name}` } as const;
  return [subject(parts, () => readStore(store.health()))];
}

/** The members of a keyed policy, each kind capped by itself, so that one with many parts does not crowd out others. */
function membersOf(keyed: Keyed, source: PolicySource): readonly Subject[] {
  const all = [[OTHER, keyed.overflow] as const, ...keyed];
  return all.flatMap(([key, member]) =>
    partsOf(member).map(({ kind, policy }, at) => {
      const parts = {
        kind,
        group: `${kind}/${source.id}/${keyed.name}`,
        place: { name: keyed.name, key },
        identity: `${key}/${at}`,
      };
      return subject(parts, () => readPolicy(policy, kind, source));
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
  if (kind === 'pipeline') {
    const pipeline = policy as Pipeline<unknown>;
    return meters === undefined ? pipeline.calls : meters.read(pipeline);
  }
  return (policy as unknown as Fallback<unknown>).snapshot() as unknown as ReadablePolicy[typeof kind];
}
