/**
 * Answer schemas: what the API answers, for those who write clients. Members beyond those named here may come.
 *
 * @module
 */

import type { JsonSchema } from '@holdfast/core';

/** Makes a schema of an object that has at least these members. */
export function objectOf(
  properties: Readonly<Record<string, JsonSchema>>,
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', required, properties };
}

/** Refers to a schema of {@link answerSchemas}. */
export function refTo(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

const text: JsonSchema = { type: 'string' };
const number: JsonSchema = { type: 'number' };
const count: JsonSchema = { type: 'integer', minimum: 0 };
const flag: JsonSchema = { type: 'boolean' };
const anything: JsonSchema = {};
const plain: JsonSchema = { type: 'object' };
const scope: JsonSchema = { enum: ['process', 'fleet'] };
const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });
const arrayOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const recordOf = (additionalProperties: JsonSchema): JsonSchema => ({ type: 'object', additionalProperties });
const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const ribbon = arrayOf({ type: 'array', minItems: 2, maxItems: 2, prefixItems: [number, text], items: anything });

/** The schemas by name. */
export const answerSchemas: Readonly<Record<string, JsonSchema>> = Object.freeze({
  Problem: {
    ...objectOf(
      {
        type: text,
        title: text,
        status: count,
        detail: text,
        code: text,
        field: text,
        revision: count,
        mayHaveChanged: flag,
      },
      ['field', 'revision', 'mayHaveChanged'],
    ),
    description:
      'A refused request (RFC 9457). It has changed nothing, but where `mayHaveChanged` is true: there nobody knows.',
  },
  Index: objectOf({
    service: text,
    role: { enum: ['viewer', 'operator', 'break-glass'] },
    nowMs: number,
    sampleMs: count,
    routes: arrayOf(objectOf({ path: text, methods: arrayOf(text), about: text })),
  }),
  Hold: objectOf({
    scope,
    state: { enum: ['open', 'closed'] },
    actor: text,
    reason: text,
    setAt: text,
    expiresAt: text,
    remainingMs: number,
  }),
  Circuit: objectOf(
    {
      id: text,
      policyId: text,
      name: text,
      within: text,
      state: text,
      scopes: arrayOf(scope),
      hold: orNull(ref('Hold')),
      fleetHold: orNull(ref('Hold')),
      holds: arrayOf(plain),
      calls: count,
      failures: count,
      remainingOpenMs: orNull(number),
      verdicts: recordOf(count),
      rejections: recordOf(count),
      transitions: recordOf(count),
      fleet: plain,
    },
    ['within', 'fleet', 'calls', 'failures', 'remainingOpenMs', 'verdicts', 'rejections', 'transitions', 'holds'],
  ),
  HeldCircuit: {
    allOf: [
      ref('Circuit'),
      objectOf({ actionId: text, scope, confirmedBy: { enum: ['process', 'store'] }, nodes: count }, ['nodes']),
    ],
  },
  Circuits: objectOf({ circuits: arrayOf(ref('Circuit')) }),
  Feature: objectOf(
    {
      name: text,
      modes: arrayOf(text),
      mode: text,
      defaultMode: text,
      essential: flag,
      revision: count,
      level: number,
      override: plain,
      overrides: arrayOf(plain),
      conflicts: arrayOf(arrayOf(text)),
      served: recordOf(count),
      owner: text,
      notice: text,
      actionId: text,
    },
    ['override', 'owner', 'notice', 'actionId'],
  ),
  Features: objectOf({ features: arrayOf(ref('Feature')) }),
  Explanation: { ...plain, description: 'Why a feature is in its mode: as data, and as `text`.' },
  Brownout: objectOf({ level: number, reason: text, explanation: anything }, ['explanation']),
  Pipeline: objectOf({
    id: text,
    name: text,
    calls: recordOf(count),
    worstCase: plain,
    warnings: arrayOf(plain),
    policies: arrayOf(ref('PolicyNode')),
    drawing: text,
  }),
  PolicyNode: objectOf(
    { id: text, kind: text, name: text, enforcement: text, options: plain, policies: arrayOf(ref('PolicyNode')) },
    ['id'],
  ),
  Pipelines: objectOf({ pipelines: arrayOf(ref('Pipeline')), unreadable: arrayOf(text) }),
  PolicySummary: objectOf({ id: text, kind: text, name: text, within: text, enforcement: text, isChangeable: flag }, [
    'within',
  ]),
  Policies: objectOf({ policies: arrayOf(ref('PolicySummary')) }),
  Policy: objectOf(
    {
      id: text,
      kind: text,
      name: text,
      within: text,
      enforcement: text,
      isChangeable: flag,
      options: plain,
      changeable: arrayOf(
        objectOf({ option: text, value: anything, defaultValue: anything, expectation: text, schema: plain }),
      ),
      snapshot: anything,
      actionId: text,
    },
    ['within', 'snapshot', 'actionId'],
  ),
  Difference: objectOf({
    differences: arrayOf(objectOf({ option: text, from: anything, to: anything })),
    isUndoable: flag,
  }),
  Action: objectOf(
    {
      id: text,
      at: text,
      kind: text,
      target: text,
      before: anything,
      after: anything,
      actor: text,
      reason: text,
      role: text,
      undoes: text,
      isUndoable: flag,
      previousHash: text,
      hash: text,
    },
    ['undoes'],
  ),
  Audit: objectOf({ entries: arrayOf(plain), actions: arrayOf(ref('Action')) }),
  Sample: objectOf({
    atMs: number,
    spanMs: number,
    level: number,
    circuits: recordOf(arrayOf(count)),
    pipelines: recordOf(arrayOf(count)),
    latencies: recordOf(arrayOf(number)),
  }),
  History: objectOf({
    nowMs: number,
    sampleMs: count,
    samples: arrayOf(ref('Sample')),
    circuits: recordOf(ribbon),
    level: ribbon,
  }),
  OpenApi: { ...plain, description: 'This document.' },
  Stream: {
    ...text,
    description:
      'Events: `hello`, `circuit`, `feature`, `level`, `policy`, `catalogue`, `action` and `sample`; each `data` is JSON.',
  },
});
