/**
 * Body check: whether a value is what a JSON Schema says, and in which field it is not.
 *
 * It knows the words of JSON Schema that the table of routes uses, and no others. The tests of the table refuse a schema with
 * another word, so that none is published that is not checked.
 *
 * Invariants
 *  (1) It refuses what any full validator refuses, and accepts what that accepts.
 *  (2) It looks at own members only: `__proto__` and `constructor` are names like any other.
 *
 * Source: JSON Schema, draft 2020-12, https://json-schema.org/draft/2020-12/json-schema-validation.
 * Deviation: a subset; what it leaves out is refused by {@link requireKnownWords}.
 *
 * @module
 */

import type { JsonSchema } from '@holdfast/core';

/** Where a value is not what its schema says, and what was expected there. */
export interface Mismatch {
  /** The member of the body, such as `mode` or `match.0.attribute`; empty for the body itself. */
  readonly field: string;
  /** The end of the sentence that begins with the field: `must be a string, got 7`. */
  readonly detail: string;
}

/** Returns where `value` is not what `schema` says; undefined where it is. */
export function findMismatch(schema: JsonSchema, value: unknown, field = ''): Mismatch | undefined {
  const words = schema as Words;
  if (words.anyOf !== undefined) return checkAnyOf(words, value, field);
  const isChoice = words.enum === undefined || words.enum.includes(value);
  const isOfType = words.type === undefined || TYPES[words.type](value);
  if (!isChoice || !isOfType) return mismatch(field, `must be ${expected(words)}`, value);
  if (Array.isArray(value)) return checkArray(words, value, field);
  return isObject(value) ? checkObject(words, value, field) : checkScalar(words, value, field);
}

/** Throws a TypeError for a schema that uses a word that {@link findMismatch} does not know. */
export function requireKnownWords(schema: JsonSchema): void {
  for (const word of Object.keys(schema))
    if (!KNOWN_WORDS.has(word)) throw new TypeError(`the body check does not know the word ${show(word)}`);
  const { properties = {}, items, anyOf = [], additionalProperties, propertyNames } = schema as Words;
  const inner = [...Object.values(properties), ...anyOf, items, additionalProperties, propertyNames];
  for (const one of inner) if (isObject(one)) requireKnownWords(one);
}

// --- internal ---

type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';

/** The words that are checked. */
interface Words {
  readonly type?: JsonType;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly description?: string;
}

const CHECKED: readonly (keyof Words)[] = [
  ...(['type', 'enum', 'anyOf', 'properties', 'required', 'additionalProperties', 'propertyNames'] as const),
  ...([
    'minProperties',
    'maxProperties',
    'items',
    'minItems',
    'maxItems',
    'minLength',
    'maxLength',
    'pattern',
  ] as const),
  ...(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'description'] as const),
];

const KNOWN_WORDS: ReadonlySet<string> = new Set(CHECKED);

const TYPES: Readonly<Record<JsonType, (value: unknown) => boolean>> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number' && Number.isFinite(value),
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
};

function checkAnyOf({ anyOf = [], description }: Words, value: unknown, field: string): Mismatch | undefined {
  const found = anyOf.map((schema) => findMismatch(schema, value, field));
  if (found.includes(undefined)) return undefined;
  return mismatch(field, `must be ${description ?? 'one of what it may be'}`, value);
}

function checkScalar(words: Words, value: unknown, field: string): Mismatch | undefined {
  if (typeof value === 'string') return checkText(words, value, field);
  return typeof value === 'number' ? checkNumber(words, value, field) : undefined;
}

function checkText({ minLength = 0, maxLength = Infinity, pattern, description }: Words, value: string, field: string) {
  const length = Array.from(value).length; // in characters, as JSON Schema counts
  const fits = length >= minLength && length <= maxLength;
  if (fits && (pattern === undefined || new RegExp(pattern, 'u').test(value))) return undefined;
  return mismatch(field, `must be ${description ?? `a string of ${minLength} to ${maxLength} characters`}`, value);
}

function checkNumber(words: Words, value: number, field: string): Mismatch | undefined {
  const { minimum: from, maximum: to, exclusiveMinimum: above, exclusiveMaximum: below } = words;
  const isLow = (from !== undefined && value < from) || (above !== undefined && value <= above);
  const isHigh = (to !== undefined && value > to) || (below !== undefined && value >= below);
  return isLow || isHigh ? mismatch(field, `must be ${expected(words)}`, value) : undefined;
}

function checkArray({ items, minItems = 0, maxItems = Infinity }: Words, value: readonly unknown[], field: string) {
  if (value.length < minItems || value.length > maxItems)
    return mismatch(field, `must have ${minItems} to ${maxItems} items`, value);
  if (items === undefined) return undefined;
  return first(value, (one, index) => findMismatch(items, one, within(field, String(index))));
}

function checkObject(words: Words, value: object, field: string): Mismatch | undefined {
  const { required = [], minProperties = 0, maxProperties = Infinity } = words;
  const missing = required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) {
    const schema = words.properties?.[missing] ?? {};
    return { field: within(field, missing), detail: `must be ${expected(schema)}, but it is missing` };
  }
  const members = Object.entries(value);
  if (members.length < minProperties || members.length > maxProperties)
    return mismatch(field, `must have ${minProperties} to ${maxProperties} members`, value);
  return first(members, ([name, member]) => checkMember(words, { name, member }, field));
}

function checkMember(words: Words, { name, member }: { name: string; member: unknown }, field: string) {
  const { properties = {}, additionalProperties, propertyNames } = words;
  const place = within(field, name);
  if (propertyNames !== undefined && findMismatch(propertyNames, name) !== undefined)
    return {
      field: place,
      detail: `must have another name: ${(propertyNames as Words).description ?? 'it is too long'}`,
    };
  if (Object.hasOwn(properties, name)) return findMismatch(properties[name] as JsonSchema, member, place); // (2)
  if (additionalProperties === false)
    return { field: place, detail: `must be absent: there are ${Object.keys(properties).join(', ')}` };
  return additionalProperties === undefined ? undefined : findMismatch(additionalProperties, member, place);
}

function first<T>(items: readonly T[], check: (item: T, index: number) => Mismatch | undefined): Mismatch | undefined {
  for (const [index, item] of items.entries()) {
    const found = check(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What a schema expects, for people. */
function expected(schema: object): string {
  const { description, type, enum: choices, minimum, maximum } = schema as Words;
  if (description !== undefined) return description;
  if (choices !== undefined) return `one of ${choices.map((one) => String(one)).join(', ')}`;
  const article = type === undefined ? 'given' : /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
  if (minimum !== undefined && maximum !== undefined) return `${article} from ${minimum} to ${maximum}`;
  return minimum === undefined ? article : `${article} of at least ${minimum}`;
}

function mismatch(field: string, sentence: string, value: unknown): Mismatch {
  return { field, detail: `${sentence}, got ${show(value)}` };
}

function within(field: string, name: string): string {
  return (field === '' ? name : `${field}.${name}`).slice(0, MAX_FIELD_LENGTH);
}

const MAX_FIELD_LENGTH = 200;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
