/**
 * Deeds: actions in words.
 *
 * @module
 */

import type { Action } from '../api/answers.ts';

/** Says what was done, as the rest of a sentence that begins with who did it. */
export function deedOf({ kind, target, before, after, undoes }: Action): string {
  const deed = words[kind]?.(target, before, after) ?? `did ${kind} to ${target}`;
  return undoes === undefined ? deed : `${deed}, undoing what was done`;
}

// --- internal ---

type Words = (target: string, before: unknown, after: unknown) => string;

const words: Readonly<Record<string, Words>> = {
  'circuit.held': (target, _before, after) => `held circuit ${target} ${memberOf(after, 'state')}${placeOf(after)}`,
  'circuit.released': (target, before) => `released circuit ${target}${placeOf(before)}`,
  'circuit.hold-expired': (target, before) => `let the hold of circuit ${target}${placeOf(before)} expire`,
  'circuit.unconfirmed': (target, _before, after) =>
    `asked for a ${memberOf(after, 'wanted')} of circuit ${target}${placeOf(after)}, which the store did not confirm`,
  'feature.set': (target, _before, after) => `set feature ${target} to ${memberOf(after, 'mode') || 'another mode'}`,
  'feature.restored': (target) => `restored feature ${target}`,
  'policy.changed': (target, _before, after) => `changed ${optionsOf(after)} of ${target}`,
};

/** Where it was done. */
function placeOf(hold: unknown): string {
  const scope = memberOf(hold, 'scope');
  if (scope === '') return '';
  return scope === 'fleet' ? ' in the whole fleet' : ' in this process';
}

function memberOf(value: unknown, name: string): string {
  if (typeof value !== 'object' || value === null) return '';
  const member = (value as Readonly<Record<string, unknown>>)[name];
  return typeof member === 'string' ? member : '';
}

function optionsOf(after: unknown): string {
  if (typeof after !== 'object' || after === null) return 'options';
  return Object.entries(after)
    .map(([option, value]) => `${option} to ${JSON.stringify(value)}`)
    .join(', ');
}
