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

/** Returns what is in `source`, not read yet; undefined, and reported, when the source cannot say. */
export function subjectsOf(source: Source): readonly Subject[] | undefined {
  return source.attempt(() => {
    if ('registry' in source) return policiesOf(source);
    if ('single' in source) return [singleOf(source)];
    return 'contexts' in source ? [contextOf(source)] : featuresOf(source);
  }, undefined);
}

/** Whether what `source` cannot say may be of that group: a kind, or a keyed policy. */
export function mayHold(source: Source, group: string): boolean {
  if ('contexts' in source) return group === 'context';
  return 'degradation' in source ? group === 'feature' : true;
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

function featuresOf({ id, degradation, attempt }: Extract<Source, { degradation: unknown }>): readonly Subject[] {
  return degradation.list().map((feature) => {
    const { name } = feature;
    const parts = { kind: 'feature', group: 'feature', place: { name }, identity: `${id}/${name}` } as const;
    return subject(parts, () => feature, attempt);
  });
}

function contextOf({ id, contexts, attempt }: Extract<Source, { contexts: unknown }>): Subject {
  const reading = contexts.snapshot();
  const { name } = reading;
  const parts = { kind: 'context', group: 'context', place: { name }, identity: `${id}/${name}` } as const;
  return subject(parts, () => reading, attempt);
}
