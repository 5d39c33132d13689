import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { JsonSchema } from '@holdfast/core';

import { authorOnly } from './body-schemas.ts';
import { findMismatch, requireKnownWords } from './body-check.ts';
import { routes } from './routes.ts';

const schemas = routes.flatMap(({ methods, path }) =>
  Object.entries(methods).flatMap(([method, { body }]) =>
    body === undefined ? [] : [[`${method} ${path}`, body.schema] as const],
  ),
);
const ajv = new Ajv2020({ strict: false });

const words = fc.constantFrom('mode', 'actor', 'reason', 'expiresInMs', 'state', 'key', 'changes', 'role', '__proto__');
const scalars = fc.oneof(
  fc.constantFrom<unknown>(
    'open',
    'force',
    'a',
    '',
    ' ',
    'a\nb',
    '💥',
    'x'.repeat(200),
    '💥'.repeat(200),
    'x'.repeat(501),
  ),
  fc.constantFrom<unknown>(0, 1, 0.5, -1, 1e300, 86_400_000, 86_400_001, 3_600_001, null, true),
);
const conditions = fc.oneof(
  fc.constantFrom<unknown>({ attribute: 'a', in: ['b'] }, { attribute: 'a', below: 3 }, { attribute: 'a', in: 1 }, {}),
  fc.constantFrom<unknown>({ attribute: 'a', below: 3, above: 1 }, { attribute: 1, above: 1 }, { in: [] }),
);
const members = fc.oneof(
  { weight: 4, arbitrary: scalars },
  fc.constantFrom<unknown>({ region: 'eu' }, { region: '' }, { shareRatios: [0.5], stepMs: 1 }, { shareRatios: [1] }),
  fc.array(conditions, { maxLength: 3 }),
  fc.dictionary(fc.oneof(words, fc.string({ maxLength: 3 })), scalars, { maxKeys: 3 }),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Bodies that are nearly right: those of a schema, with some members that are not. */
function bodiesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  const names = Object.keys(schema['properties'] as object);
  const known = fc.record(Object.fromEntries(names.map((name) => [name, members])), { requiredKeys: [] });
  const right = fc.record({
    actor: fc.constant('alice'),
    reason: fc.constant('why'),
    expiresInMs: fc.constant(5),
    mode: fc.constant('off'),
    state: fc.constantFrom('open', 'closed'),
    key: fc.constant('ada'),
    changes: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), scalars, { minKeys: 1, maxKeys: 3 }),
  });
  const nearly = fc.tuple(right, known, fc.subarray(names)).map(([base, other, kept]) => {
    const all = Object.entries(base).filter(([name]) => names.includes(name));
    return {
      ...Object.fromEntries(all),
      ...Object.fromEntries(Object.entries(other).filter(([name]) => kept.includes(name))),
    };
  });
  return fc.oneof({ weight: 8, arbitrary: nearly }, known, fc.dictionary(words, members), fc.jsonValue());
}

describe('body check', () => {
  it.each(schemas)('(1) accepts and refuses what a full validator does: %s', (_route, schema) => {
    requireKnownWords(schema);
    const validate = ajv.compile(schema);
    const counts = { accepted: 0, refused: 0 };

    fc.assert(
      fc.property(bodiesOf(schema), (body) => {
        const found = findMismatch(schema, body);

        expect([body, found === undefined]).toEqual([body, validate(body)]);
        counts[found === undefined ? 'accepted' : 'refused']++;
      }),
      { numRuns: 800 },
    );

    expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(5); // else the property says little
  });

  it.each<[unknown, string]>([
    [{}, 'mode must be one line of 1 to 200 characters, but it is missing'],
    [{ mode: 'off', actor: 'a', reason: 'b' }, 'expiresInMs must be an integer from 1 to 86400000, but it is missing'],
    [
      { mode: 'off', actor: 'a', reason: 'b', expiresInMs: 1, kind: 'x' },
      'kind must be one of force, atLeast, atMost, got "x"',
    ],
    [
      { mode: 'off', actor: 'a', reason: 'b', expiresInMs: 1, shareRatio: 25 },
      'shareRatio must be a number above 0, up to 1, got 25',
    ],
    [
      { mode: 'off', actor: 'a', reason: 'b', expiresInMs: 1, percent: 1 },
      'percent must be absent: there are mode, actor',
    ],
    [{ mode: 'off', actor: 'a', reason: 'b', expiresInMs: 1, match: [1] }, 'match.0 must be a condition'],
    [
      { mode: 'off', actor: 'a', reason: 'b', expiresInMs: 1, restore: { shareRatios: [2], stepMs: 1 } },
      'restore.shareRatios.0 must be a number between 0 and 1, got 2',
    ],
    [[], ' must be an object, got []'],
  ])('says where %j is wrong, and what was expected', (body, sentence) => {
    const [, schema] = schemas.find(([route]) => route === 'PUT /features/{name}') ?? ['', {}];

    const { field, detail } = findMismatch(schema, body) ?? { field: '', detail: '' };

    expect(`${field} ${detail}`).toContain(sentence);
  });

  it('(2) takes inherited names for names like any other', () => {
    const schema = { type: 'object', properties: { a: {} }, additionalProperties: false };

    for (const name of ['constructor', '__proto__', 'toString'])
      expect(findMismatch(schema, JSON.parse(`{"${name}":1}`))?.field).toBe(name);
    expect(findMismatch({ type: 'object', required: ['toString'] }, {})?.field).toBe('toString');
  });

  it('refuses a schema with a word that it does not check', () => {
    expect(() => requireKnownWords({ type: 'string', format: 'email' })).toThrow('does not know the word "format"');
    expect(() => requireKnownWords({ properties: { a: { items: { not: {} } } } })).toThrow('the word "not"');
  });

  it('answers in time for what would make a pattern slow', () => {
    const { schema } = authorOnly;
    const line = (schema['properties'] as Record<string, JsonSchema>)['actor'] ?? {};

    expect(findMismatch(line, ' '.repeat(16_000))).toBeDefined();
    expect(findMismatch(line, `${' '.repeat(199)}\n`)).toBeDefined();
  });
});
