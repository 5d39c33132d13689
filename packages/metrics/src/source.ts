/**
 * Source: what subjects are found in: a registry, a degradation, a monitor of contexts, or something that is read as a whole.
 *
 * @module
 */

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import type { Kind, Readable } from './metric-row.ts';
import { type PolicySource, policiesOf } from './policy-subjects.ts';
import { type Attempt, type Subject, subject } from './subject.ts';

/** Something with a name of its own that is read as a whole. */
export interface SingleSource<K extends Kind = Kind> {
  readonly kind: K;
  readonly name: string;
  readonly source: object;
  readonly read: () => Readable[K];
}

/** What subjects are found in. */
export type Source =
  | PolicySource
  | (Other & { readonly degradation: DegradationSource })
  | (Other & { readonly contexts: ContextSource })
  | (Other & { readonly single: SingleSource });

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

interface Other {
  /** Tells one from another. */
  readonly id: number;
  readonly attempt: Attempt;
}

function singleOf({ id, single, attempt }: Extract<Source, { single: unknown }>): Subject {
  const { kind, name, read } = single;
  return subject({ kind, group: kind, place: { name }, identity: `${id}/${name}` }, read, attempt);
}

function featuresOf({
  id,
  degradation,
  attempt,
}: Extract<Source, { degradation: unknown }>): readonly Subject[] | undefined {
  const features = attempt(() => degradation.list(), undefined);
  return features?.map((feature) => {
    const { name } = feature;
    const parts = { kind: 'feature', group: 'feature', place: { name }, identity: `${id}/${name}` } as const;
    return subject(parts, () => feature, attempt);
  });
}

function contextsOf({ id, contexts, attempt }: Extract<Source, { contexts: unknown }>): readonly Subject[] | undefined {
  const reading = attempt(() => contexts.snapshot(), undefined);
  if (reading === undefined) return undefined;
  const { name } = reading;
  const parts = { kind: 'context', group: 'context', place: { name }, identity: `${id}/${name}` } as const;
  return [subject(parts, () => reading, attempt)];
}
