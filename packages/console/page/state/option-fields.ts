/**
 * Option fields: which field of a form an option gets, by its JSON Schema, and what is read from it.
 *
 * @module
 */

import type { ChangeableOption, FieldSchema } from '../api/answers.ts';

/** What a form shows for an option. */
export type OptionField =
  | {
      readonly kind: 'number';
      readonly minimum: number | undefined;
      readonly maximum: number | undefined;
      readonly isWhole: boolean;
    }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'json' };

/** Returns the field of an option. */
export function fieldOf({ type, enum: values, minimum, maximum }: FieldSchema): OptionField {
  if (type === 'boolean') return { kind: 'choice', choices: ['true', 'false'] };
  if (values?.every((value) => typeof value === 'string') === true) return { kind: 'choice', choices: values };
  if (type === 'number' || type === 'integer') return { kind: 'number', minimum, maximum, isWhole: type === 'integer' };
  return { kind: 'json' };
}

/** The text of a value in its field; empty where it is not set. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a form says: the options whose texts are others than their values, or what cannot be read. */
export function readChanges(
  options: readonly ChangeableOption[],
  texts: Readonly<Record<string, string>>,
): { readonly changes: Readonly<Record<string, unknown>>; readonly unreadable: readonly string[] } {
  const changes: Record<string, unknown> = {};
  const unreadable: string[] = [];
  for (const { option, value, schema } of options) {
    const text = texts[option]?.trim();
    if (text === undefined || text === textOf(value)) continue;
    const read = valueOf(fieldOf(schema), text, schema);
    if (read === undefined) unreadable.push(option);
    else changes[option] = read;
  }
  return { changes, unreadable };
}

// --- internal ---

/** Undefined where the text is no value of that kind. What is in range, the service says. */
function valueOf(field: OptionField, text: string, { type }: FieldSchema): unknown {
  if (text === '') return undefined;
  if (field.kind === 'number') return Number.isFinite(Number(text)) ? Number(text) : undefined;
  if (field.kind === 'choice') return type === 'boolean' ? text === 'true' : text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return type === 'string' ? text : undefined;
  }
}
