/**
 * Source: what subjects are found in: a registry, a degradation, a monitor of contexts, or something that is read as a whole.
 *
 * @module
 */

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import type { Kind, Readable } from './metric-row.ts';
import { type PolicySource, policiesOf } from './policy-subjects.ts';
import { type Subject, attempt, subject } from './subject.ts';

/** Something with a name of its own that is read as a whole. */
export interface SingleSource<K extends Kind = Kind> {
  readonly kind: K;
  readonly name: string;
  readonly source: object;
  readonly read: () => Readable[K];
}

/** What subjects are found in. `id` tells one from another. */
export type Source =
  | PolicySource
  | { readonly id: number; readonly degradation: DegradationSource }
  | { readonly id: number; readonly contexts: ContextSource }
  | { readonly id: number; readonly single: SingleSource };

/** Returns what is in `source`, not read yet; undefined when the source cannot say. */
export function subjectsOf(source: Source): readonly Subject[] | undefined {
  if ('registry' in source) return policiesOf(source);
  if ('single' in source) return [singleOf(source)];
  return 'contexts' in source ? contextsOf(source) : featuresOf(source);
}

/** The kind of what is missing where a source cannot say. */
export function kindOf(source: Source): Kind {
  return 'contexts' in source ? 'context' : 'feature';
}

// --- internal ---

function singleOf({ id, single }: Extract<Source, { single: unknown }>): Subject {
  const { kind, name, read } = single;
  return subject({ kind, group: kind, place: { name }, identity: `${id}/${name}` }, read);
}

function featuresOf({ id, degradation }: Extract<Source, { degradation: unknown }>): readonly Subject[] | undefined {
  const features = attempt(() => degradation.list(), undefined);
  return features?.map((feature) => {
    const { name } = feature;
    const parts = { kind: 'feature', group: 'feature', place: { name }, identity: `${id}/${name}` } as const;
    return subject(parts, () => feature);
  });
}

function contextsOf({ id, contexts }: Extract<Source, { contexts: unknown }>): readonly Subject[] | undefined {
  const reading = attempt(() => contexts.snapshot(), undefined);
  if (reading === undefined) return undefined;
  const { name } = reading;
  return [subject({ kind: 'context', group: 'context', place: { name }, identity: `${id}/${name}` }, () => reading)];
}
