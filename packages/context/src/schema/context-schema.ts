/**
 * Context schema: which values may travel with a request, declared once for all services, with a version.
 *
 * It is the allow-list of the codecs, the types of the values, and what the check of compatibility compares. Its definition
 * is plain JSON, so that it can live in a file that services share.
 *
 * @module
 */

import { ConfigError, type ContextKey, contextKey, withKnown } from '@holdfast/core';

import { checkField, type ContextField, type FieldValue } from './context-field.ts';

/** Fields by name: lower-case letters, digits and dashes, as headers are called. */
export type ContextFields = Readonly<Record<string, ContextField>>;

/** What {@link defineContextSchema} takes: plain JSON. */
export interface ContextSchemaDefinition<F extends ContextFields = ContextFields> {
  /** `major.minor`. A change that breaks others needs a new major, any other change of a field a new minor. */
  readonly version: string;
  /** The values that may travel, the most important first: where there is no room for all, the last are left out. */
  readonly fields: F;
}

/** Which values may travel with a request. Immutable. */
export interface ContextSchema<F extends ContextFields = ContextFields> extends ContextSchemaDefinition<F> {
  /** Where a context holds the value of each field. */
  readonly keys: { readonly [N in keyof F]: ContextKey<FieldValue<F[N]>> };
}

/**
 * Declares the values that may travel with a request.
 *
 * @throws ConfigError when the version, a field or a name is not valid, or two fields have the same tag.
 *
 * @example
 * ```ts
 * const schema = defineContextSchema({
 *   version: '1.0',
 *   fields: { 'user-id': { type: 'text', maxBytes: 64 }, region: { type: 'choice', choices: ['eu', 'us'] } },
 * });
 * const context = Context.background.withValue(schema.keys.region, 'eu');
 * ```
 */
export function defineContextSchema<const F extends ContextFields>(
  definition: ContextSchemaDefinition<F>,
): ContextSchema<F> {
  const { version, fields } = withKnown('schema', {}, definition, ['version', 'fields']);
  parseVersion('schema.version', version);
  if (typeof fields !== 'object' || fields === null)
    throw new ConfigError('schema.fields', 'an object of fields', fields);

  const checked: Record<string, ContextField> = {};
  const keys: Record<string, ContextKey<unknown>> = {};
  for (const [name, field] of Object.entries(fields)) {
    requireFieldName(name);
    checked[name] = checkField(`schema.fields.${name}`, field);
    keys[name] = contextKey(name);
  }
  requireDistinctTags(checked);
  return Object.freeze({
    version,
    fields: Object.freeze(checked) as F,
    keys: Object.freeze(keys) as ContextSchema<F>['keys'],
  });
}

/** A version as numbers. */
export interface SchemaVersion {
  readonly major: number;
  readonly minor: number;
}

/** Reads a version, `major.minor`. `place` is its path, for the error. */
export function parseVersion(place: string, version: unknown): SchemaVersion {
  const [, major, minor] = /^(\d{1,6})\.(\d{1,6})$/.exec(typeof version === 'string' ? version : '') ?? [];
  if (minor === undefined) throw new ConfigError(place, 'a version such as "2.3"', version);
  return { major: Number(major), minor: Number(minor) };
}

/** The short name of a field in the compact form. */
export function tagOf(name: string, field: ContextField): string {
  return field.tag ?? name;
}

/** Checks that `schema` was made here. */
export function requireSchema(option: string, schema: unknown): void {
  if (typeof (schema as Partial<ContextSchema> | null)?.keys === 'object') return;
  throw new ConfigError(option, 'what defineContextSchema returns', schema);
}

// --- internal ---

/** Names under the prefix that say something else. */
const reserved = new Set(['deadline', 'cancel', 'criticality', 't', 'c']);

function requireFieldName(name: string): void {
  if (/^[a-z][a-z\d]{0,63}(?:-[a-z\d]{1,63}){0,8}$/.test(name) && !reserved.has(name)) return;
  const expectation = `lower-case words of letters and digits with dashes between, but none of ${[...reserved].join(', ')}`;
  throw new ConfigError('the name of a field', expectation, name);
}

function requireDistinctTags(fields: ContextFields): void {
  const names = new Map<string, string>();
  for (const [name, field] of Object.entries(fields)) {
    const tag = tagOf(name, field);
    const other = names.get(tag);
    if (other !== undefined) throw new ConfigError(`schema.fields.${name}.tag`, `another than that of ${other}`, tag);
    names.set(tag, name);
  }
}
