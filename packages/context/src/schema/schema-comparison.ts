/**
 * Schema comparison: whether services with one version of a context schema get along with those that have another.
 *
 * While a new version is rolled out both are there, and each sends to the other. So a change breaks in whichever direction it
 * does: an old service must be able to read what a new one sends, and a new one what an old one sends.
 *
 * Invariants
 *  (1) A change that narrows what is read, or takes away what others rely on, is breaking.
 *  (2) A schema compared with itself has no change.
 *  (3) A breaking change needs a higher major version, any other change of a field a higher one.
 *
 * @module
 */

import { type ContextField, DEFAULT_MAX_BYTES } from './context-field.ts';
import { type ContextSchemaDefinition, parseVersion, tagOf } from './context-schema.ts';

/** One difference between two schemas. */
export interface SchemaChange {
  /** Name of the field. */
  readonly field: string;
  /** What of it differs; `field` where it was added or removed. */
  readonly aspect: 'field' | 'type' | 'choices' | 'maxBytes' | 'tag' | 'required' | 'deprecated' | 'description';
  readonly isBreaking: boolean;
  /** For people: what differs, and whom it breaks. */
  readonly message: string;
}

/** What came of a comparison. */
export interface SchemaComparison {
  /** `same` where nothing but descriptions and deprecations differs. */
  readonly verdict: 'same' | 'compatible' | 'breaking';
  readonly changes: readonly SchemaChange[];
  /** What is wrong with the new version's number; undefined where it is right. */
  readonly versionProblem: string | undefined;
}

/**
 * Compares the schema that is in use with the one that shall be.
 *
 * @throws ConfigError when a version is not valid.
 */
export function compareContextSchemas(
  before: ContextSchemaDefinition,
  after: ContextSchemaDefinition,
): SchemaComparison {
  const names = [...new Set([...Object.keys(before.fields), ...Object.keys(after.fields)])];
  const changes = names.flatMap((name) => changesOf(name, fieldOf(before, name), fieldOf(after, name)));
  const isBreaking = changes.some((change) => change.isBreaking);
  const isSame = changes.every(({ aspect }) => aspect === 'description' || aspect === 'deprecated');
  const verdict = isBreaking ? 'breaking' : isSame ? 'same' : 'compatible';
  return { verdict, changes, versionProblem: versionProblem(before.version, after.version, verdict) };
}

// --- internal ---

function fieldOf({ fields }: ContextSchemaDefinition, name: string): ContextField | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function changesOf(field: string, before: ContextField | undefined, after: ContextField | undefined): SchemaChange[] {
  if (before === undefined) return after === undefined ? [] : [added(field, after)];
  if (after === undefined) return [removed(field, before)];
  const note = (aspect: SchemaChange['aspect'], isBreaking: boolean, message: string): SchemaChange => ({
    field,
    aspect,
    isBreaking,
    message,
  });
  return [
    ...(before.type === after.type
      ? choiceChanges(before, after).map(([isBreaking, message]) => note('choices', isBreaking, message))
      : [note('type', true, `is ${after.type}, was ${before.type}: neither reads the other’s`)]),
    ...sizeChanges(before, after).map(([isBreaking, message]) => note('maxBytes', isBreaking, message)),
    ...(tagOf(field, before) === tagOf(field, after)
      ? []
      : [
          note(
            'tag',
            true,
            `has the tag ${tagOf(field, after)}, had ${tagOf(field, before)}: neither reads the other’s compact form`,
          ),
        ]),
    ...requiredChanges(before, after).map((message) => note('required', true, message)),
    ...noticeChanges(before, after).map(([aspect, message]) => note(aspect, false, message)),
  ];
}

function added(field: string, { required = false }: ContextField): SchemaChange {
  const message = required ? 'is new and required: old services do not send it' : 'is new';
  return { field, aspect: 'field', isBreaking: required, message };
}

function removed(field: string, { required = false, deprecated = false }: ContextField): SchemaChange {
  const isBreaking = required || !deprecated; // (1)
  const why = required ? 'it was required' : 'it was not marked as deprecated before';
  return { field, aspect: 'field', isBreaking, message: isBreaking ? `is removed: ${why}` : 'is removed' };
}

type Difference = readonly [isBreaking: boolean, message: string];

function choiceChanges(before: ContextField, after: ContextField): Difference[] {
  const [old, now] = [before.choices ?? [], after.choices ?? []];
  const gone = old.filter((choice) => !now.includes(choice));
  const fresh = now.filter((choice) => !old.includes(choice));
  const isRelied = reliedOn(before, after);
  return [
    ...(gone.length > 0
      ? [[true, `has no ${gone.join(', ')} any more: what old services send is dropped`] as const]
      : []),
    ...(fresh.length > 0
      ? [[isRelied, `has also ${fresh.join(', ')}${isRelied ? ': old services drop it, and rely on it' : ''}`] as const]
      : []),
  ];
}

function sizeChanges(before: ContextField, after: ContextField): Difference[] {
  const [old, now] = [before.maxBytes ?? DEFAULT_MAX_BYTES, after.maxBytes ?? DEFAULT_MAX_BYTES];
  if (old === now) return [];
  if (now < old) return [[true, `may have ${now} bytes, had ${old}: longer values of old services are dropped`]];
  const isRelied = reliedOn(before, after);
  return [
    [isRelied, `may have ${now} bytes, had ${old}${isRelied ? ': old services drop longer ones, and rely on it' : ''}`],
  ];
}

function requiredChanges({ required: old = false }: ContextField, { required: now = false }: ContextField): string[] {
  if (old === now) return [];
  return [now ? 'is required now: old services may not send it' : 'is optional now: old services rely on it'];
}

function noticeChanges(
  before: ContextField,
  after: ContextField,
): [aspect: 'deprecated' | 'description', message: string][] {
  const [old, now] = [before.deprecated ?? false, after.deprecated ?? false];
  return [
    ...(old === now
      ? []
      : [['deprecated', now ? 'is deprecated now' : 'is not deprecated any more'] as ['deprecated', string]]),
    ...(before.description === after.description
      ? []
      : [['description', 'is described in other words'] as ['description', string]]),
  ];
}

function reliedOn(before: ContextField, after: ContextField): boolean {
  return before.required === true || after.required === true;
}

function versionProblem(before: string, after: string, verdict: SchemaComparison['verdict']): string | undefined {
  const [old, now] = [parseVersion('version', before), parseVersion('version', after)];
  const isLower = now.major < old.major || (now.major === old.major && now.minor < old.minor);
  if (isLower) return `${after} is lower than ${before}`;
  if (verdict === 'breaking' && now.major === old.major)
    return `a breaking change needs ${old.major + 1}.0, not ${after}`;
  if (verdict === 'compatible' && after === before) return `a change needs ${old.major}.${old.minor + 1}, not ${after}`;
  return undefined; // (3)
}
