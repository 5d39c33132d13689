/**
 * Context field: one value that may travel with a request: its type, its size, and its text on the wire.
 *
 * Invariants
 *  (1) What is written for a value is read as that value.
 *  (2) A text that is not of the field, or too large, is no value; nothing throws.
 *
 * @module
 */

import { ConfigError, integerInRange, oneOf, withKnown } from '@holdfast/core';

import { decodeText, encodeText } from '../formats/percent-text.ts';

/** What a field may hold, and how. Plain JSON, so that a schema can live in a file. */
export interface ContextField {
  /** `text`, `integer` (safe ones), `boolean`, or one of `choices`. */
  readonly type: 'text' | 'integer' | 'boolean' | 'choice';
  /** The values of a `choice`, each of printable characters; for no other type. */
  readonly choices?: readonly string[];
  /**
   * Longest value, as it travels: percent-encoded, so that a character that is not ASCII has six bytes and more. Integer, 1 to
   * 4096. Default 128.
   */
  readonly maxBytes?: number;
  /** Short name in the compact form: one to three lower-case letters and digits, but not `t` and `c`. By default the name. */
  readonly tag?: string;
  /** Whether services rely on it being there. The codec does not mind; the check of schemas does. Default false. */
  readonly required?: boolean;
  /** Whether it is going to be removed, so that removing it breaks nothing. Default false. */
  readonly deprecated?: boolean;
  /** What it means, for people. */
  readonly description?: string;
}

/** The type of the values of a field. */
export type FieldValue<F extends ContextField> = F extends { readonly type: 'integer' }
  ? number
  : F extends { readonly type: 'boolean' }
    ? boolean
    : F extends { readonly type: 'choice'; readonly choices: readonly (infer C)[] }
      ? C
      : string;

/** Bytes that a value of a field that says nothing may have. */
export const DEFAULT_MAX_BYTES = 128;

/** Writes `value` as a text of `field`; undefined if it cannot be one. */
export function textOfField(field: ContextField, value: unknown): string | undefined {
  return forms[field.type].write(value, field);
}

/** Reads a text of `field`; undefined if it is none. */
export function valueOfField(field: ContextField, text: string): FieldContent | undefined {
  return forms[field.type].read(text, field);
}

/** What any field may hold. */
export type FieldContent = string | number | boolean;

/** Checks a field and returns a frozen copy. `place` is its path: `schema.fields.region`. */
export function checkField(place: string, field: ContextField): ContextField {
  const checked = withKnown<object, ContextField>(place, {}, field, fieldOptions);
  const { type, choices, maxBytes, tag, required, deprecated, description } = checked;
  oneOf(`${place}.type`, type, ['text', 'integer', 'boolean', 'choice']);
  checkChoices(`${place}.choices`, type, choices);
  if (maxBytes !== undefined) integerInRange(`${place}.maxBytes`, maxBytes, [1, 4096]);
  if (tag !== undefined && !TAG.test(tag))
    throw new ConfigError(`${place}.tag`, 'one to three lower-case letters and digits, but neither t nor c', tag);
  for (const [name, flag] of [['required', required] as const, ['deprecated', deprecated] as const]) {
    if (flag !== undefined) oneOf(`${place}.${name}`, flag, [true, false]);
  }
  if (description !== undefined && typeof description !== 'string')
    throw new ConfigError(`${place}.description`, 'a string', description);
  return Object.freeze({ ...checked, ...(choices !== undefined && { choices: Object.freeze([...choices]) }) });
}

// --- internal ---

const fieldOptions = ['type', 'choices', 'maxBytes', 'tag', 'required', 'deprecated', 'description'];
const TAG = /^(?![tc]$)[a-z\d]{1,3}$/;

/** How each type is written and read. */
const forms: Readonly<Record<ContextField['type'], FieldForm>> = {
  text: {
    write: (value) => (typeof value === 'string' ? encodeText(value) : undefined),
    read: decodeText,
  },
  choice: {
    write: (value, { choices }) =>
      choices?.includes(value as string) === true ? encodeText(value as string) : undefined,
    read: (text, { choices }) => {
      const choice = decodeText(text) ?? '';
      return choices?.includes(choice) === true ? choice : undefined;
    },
  },
  boolean: {
    write: (value) => (typeof value === 'boolean' ? String(Number(value)) : undefined),
    read: (text) => booleans.get(text),
  },
  integer: {
    write: (value) => (Number.isSafeInteger(value) ? String(value) : undefined), // of -0, "0"
    read: (text) => {
      const value = /^(?:0|-?[1-9]\d{0,15})$/.test(text) ? Number(text) : undefined;
      return Number.isSafeInteger(value) ? value : undefined;
    },
  },
};

interface FieldForm {
  readonly write: (value: unknown, field: ContextField) => string | undefined;
  readonly read: (text: string, field: ContextField) => FieldContent | undefined;
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['0', false],
  ['false', false],
]);

function checkChoices(place: string, type: string, choices: unknown): void {
  if (type !== 'choice') {
    if (choices === undefined) return;
    throw new ConfigError(place, 'absent, for the type is not choice', choices);
  }
  const isValid =
    Array.isArray(choices) &&
    choices.length > 0 &&
    new Set(choices).size === choices.length &&
    choices.every((choice) => typeof choice === 'string' && choice !== '' && encodeText(choice) !== undefined);
  if (!isValid)
    throw new ConfigError(place, 'an array of different, non-empty strings of printable characters', choices);
}
