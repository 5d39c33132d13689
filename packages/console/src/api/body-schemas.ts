/**
 * Body schemas: what bodies must look like. What depends on the service, such as which modes a feature has, is checked by
 * what is changed.
 *
 * Invariants
 *  (1) A body has no member that is not named here: a misspelt one must not be taken for one that was left out.
 *
 * @module
 */

import type { JsonSchema } from '@holdfast/core';

import { MAX_HOLD_MS } from '../actions/circuit-holds.ts';
import type { BodyRule } from './route.ts';

/** Sets a mode of a feature. */
export const modeChange: BodyRule = bodyOf('INVALID_CHANGE', ['mode', 'actor', 'reason', 'expiresInMs'], () => ({
  mode: line(200),
  ...author,
  expiresInMs,
  kind: { enum: ['force', 'atLeast', 'atMost'] },
  source: { enum: ['manual', 'schedule', 'break-glass'] },
  scope: closed({ region: line(200), instance: line(200) }),
  shareRatio: { type: 'number', exclusiveMinimum: 0, maximum: 1, description: 'a number above 0, up to 1' },
  seed: line(200),
  match: { type: 'array', maxItems: 20, items: condition },
  restore: {
    ...closed({
      shareRatios: {
        type: 'array',
        minItems: 1,
        maxItems: 20,
        items: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1, description: 'a number between 0 and 1' },
      },
      stepMs: { type: 'integer', minimum: 1, maximum: 3_600_000 },
    }),
    required: ['shareRatios', 'stepMs'],
  },
  params: { type: 'object', maxProperties: 20, additionalProperties: scalar },
  ifRevision,
}));

/** Ends overrides of a feature. */
export const restoration: BodyRule = bodyOf('INVALID_CHANGE', ['actor', 'reason'], () => ({
  ...author,
  id: { type: 'string', maxLength: 10_000 },
  isAtOnce: { type: 'boolean' },
  ifRevision,
}));

/** For whom a mode is to be explained. */
export const explanationTarget: BodyRule = bodyOf('INVALID_TARGET', ['key'], () => ({
  key: { type: 'string', minLength: 1, maxLength: 1000 },
  attributes: { type: 'object', maxProperties: 100, additionalProperties: scalar },
}));

/** Holds a circuit. */
export const hold: BodyRule = bodyOf('INVALID_CHANGE', ['state', 'actor', 'reason', 'expiresInMs'], () => ({
  state: { enum: ['open', 'closed'] },
  ...author,
  expiresInMs,
  scope,
}));

/** Releases a circuit. */
export const release: BodyRule = bodyOf('INVALID_CHANGE', ['actor', 'reason'], () => ({ ...author, scope }));

/** Who does something, and why, and nothing else. */
export const authorOnly: BodyRule = bodyOf('INVALID_CHANGE', ['actor', 'reason'], () => author);

/** What options would become. */
export const optionDifference: BodyRule = bodyOf('INVALID_OPTIONS', ['changes'], () => ({ changes }));

/** What options are to become. */
export const optionChange: BodyRule = bodyOf('INVALID_OPTIONS', ['changes', 'actor', 'reason'], () => ({
  changes,
  ...author,
}));

// --- internal ---

/** One line that says something: control characters and line separators have no place in a trail. */
function line(maxLength: number): JsonSchema {
  return {
    type: 'string',
    minLength: 1,
    maxLength,
    pattern: String.raw`^[^\p{Cc}\u2028\u2029]*[^\p{Cc}\s][^\p{Cc}\u2028\u2029]*$`,
    description: `one line of 1 to ${maxLength} characters`,
  };
}

const author: Readonly<Record<string, JsonSchema>> = { actor: line(200), reason: line(500) };

const expiresInMs: JsonSchema = { type: 'integer', minimum: 1, maximum: MAX_HOLD_MS };

/** Where: in this process, which is what is meant where nothing is said, or in all that share the circuit. */
const scope: JsonSchema = { enum: ['process', 'fleet'] };

const ifRevision: JsonSchema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };

const scalar: JsonSchema = {
  anyOf: [{ type: 'string', maxLength: 1000 }, { type: 'number' }, { type: 'boolean' }],
  description: 'a text, a number, true or false',
};

const condition: JsonSchema = {
  anyOf: ['in', 'notIn', 'below', 'above'].map((test) => ({
    type: 'object',
    required: ['attribute', test],
    properties: {
      attribute: { type: 'string', maxLength: 1000 },
      [test]: test.endsWith('n') ? { type: 'array', maxItems: 1000, items: scalar } : { type: 'number' },
    },
    additionalProperties: false,
  })),
  description: 'a condition: an attribute, and one of in, notIn, below and above',
};

const changes: JsonSchema = {
  type: 'object',
  minProperties: 1,
  maxProperties: 50,
  propertyNames: { type: 'string', minLength: 1, maxLength: 100 },
  description: 'an object of 1 to 50 options',
};

function bodyOf(
  code: string,
  required: readonly string[],
  properties: () => Readonly<Record<string, JsonSchema>>,
): BodyRule {
  let schema: JsonSchema | undefined;
  return {
    code,
    get schema(): JsonSchema {
      return (schema ??= Object.freeze({ ...closed(properties()), required })); // not before all of this file has run
    },
  };
}

function closed(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, additionalProperties: false }; // (1)
}
