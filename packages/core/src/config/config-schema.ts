/**
 * Config schema: the JSON Schema of a configuration, made from the rules of the kinds that it may use.
 *
 * Invariants
 *  (1) It refuses nothing that `configure` with the same kinds and functions takes. What it accepts, `configure` refuses only
 *      for what a schema cannot say: that a reference leads somewhere, that names are unique, what options must hold together.
 *
 * @module
 */

import type { PolicyKind } from '../kernel/description.ts';
import { type JsonSchema, type OptionRule, nonEmptyString } from '../kernel/option-rules.ts';
import { optionNames, ruleOf } from './blueprint.ts';
import { functionKey, takesFunctions } from './config-value.ts';

/** Options of {@link configSchema}. */
export interface ConfigSchemaOptions {
  /** The kinds of policies that a configuration may use. */
  readonly kinds: readonly PolicyKind[];
  /** Names of the functions that a configuration may name; by default any. */
  readonly functionNames?: readonly string[];
}

/**
 * Returns the JSON Schema, draft 2020-12, of the configurations that may use `kinds`.
 *
 * @example
 * ```ts
 * const schema = configSchema({ kinds: [retryKind, timeoutKind], functionNames: ['isHttpRetryable'] });
 * ```
 */
export function configSchema({ kinds, functionNames }: ConfigSchemaOptions): JsonSchema {
  const name = nonEmptyString.schema;
  const definitions = kinds.flatMap((kind) => [
    [kind.kind, policySchema(kind)],
    [`${kind.kind}.options`, optionsSchema(kind)],
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Holdfast configuration',
    ...objectOf({
      $schema: { type: 'string' },
      defaults: {
        description: 'Options of all policies of a kind that do not set them themselves.',
        ...objectOf(Object.fromEntries(kinds.map(({ kind }) => [kind, reference(`${kind}.options`)]))),
      },
      policies: {
        description: 'Policies by name, which pipelines refer to and share.',
        type: 'object',
        propertyNames: name,
        additionalProperties: { allOf: [{ not: { required: ['name'] } }, anyKind(kinds)] },
      },
      pipelines: {
        description: 'Pipelines by name: their policies, outermost first.',
        type: 'object',
        propertyNames: name,
        additionalProperties: { type: 'array', items: reference('member') },
      },
    }),
    $defs: {
      member: { anyOf: [{ ...objectOf({ ref: name }), required: ['ref'] }, anyKind(kinds)] },
      function: {
        ...objectOf({ [functionKey]: functionNameSchema(functionNames) }),
        required: [functionKey],
      },
      ...Object.fromEntries(definitions),
    },
  };
}

// --- internal ---

/** One policy: its kind and its options. */
function policySchema(kind: PolicyKind): JsonSchema {
  const options = optionNames(kind).map((option) => [option, valueSchema(ruleOf(kind, option))]);
  return {
    ...objectOf({ use: { const: kind.kind }, ...Object.fromEntries(options) }),
    required: ['use', ...kind.required],
  };
}

/** The defaults of one kind: every option but the name and those that each policy must set itself. */
function optionsSchema(kind: PolicyKind): JsonSchema {
  const options = optionNames(kind).filter((option) => option !== 'name' && !kind.required.includes(option));
  return objectOf(Object.fromEntries(options.map((option) => [option, reference(kind.kind, 'properties', option)])));
}

function valueSchema(rule: OptionRule): JsonSchema {
  const description = rule.expectation;
  if (!takesFunctions(rule)) return { description, ...rule.schema };
  if (rule.schema === undefined) return { description: 'a function by name', ...reference('function') };
  const isByName = { type: 'object', required: [functionKey] };
  // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
  return { description, if: isByName, then: reference('function'), else: rule.schema };
}

function functionNameSchema(names: readonly string[] | undefined): JsonSchema | false {
  if (names === undefined) return { type: 'string' };
  return names.length > 0 && { enum: names };
}

function anyKind(kinds: readonly PolicyKind[]): JsonSchema {
  const use = { enum: kinds.map(({ kind }) => kind) };
  const choices = kinds.map(({ kind }) => ({
    if: { properties: { use: { const: kind } } },
    // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
    then: reference(kind),
  }));
  return { type: 'object', properties: { use }, required: ['use'], allOf: choices };
}

function objectOf(properties: Readonly<Record<string, unknown>>): JsonSchema {
  return { type: 'object', properties, additionalProperties: false };
}

function reference(...path: readonly string[]): JsonSchema {
  return { $ref: `#/$defs/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}` };
}
