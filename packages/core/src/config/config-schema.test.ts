import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import type { PolicyKind } from '../kernel/description.ts';
import { anyFunction, either, integerFrom, nonEmptyString } from '../kernel/option-rules.ts';
import { retryKind } from '../policies/retry/retry.ts';
import { timeoutKind } from '../policies/timeout/timeout.ts';
import { configSchema } from './config-schema.ts';

const kinds = [retryKind, timeoutKind];
const validator = (schema: object) =>
  new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(schema);

describe('config schema', () => {
  it.each([
    ['nothing', {}, true],
    [
      'pipelines',
      {
        pipelines: {
          prices: [
            { use: 'retry', maxAttempts: 2 },
            { use: 'timeout', timeoutMs: 9 },
          ],
        },
      },
      true,
    ],
    ['a reference', { policies: { a: { use: 'retry' } }, pipelines: { prices: [{ ref: 'a' }] } }, true],
    ['a function by name', { defaults: { retry: { isRetryable: { $function: 'f' } } } }, true],
    ['a strategy by name', { defaults: { retry: { backoff: 'fixed' } } }, true],
    ['a function where a string may be, too', { defaults: { retry: { backoff: { $function: 'f' } } } }, true],
    ['a function that was not handed in', { defaults: { retry: { isRetryable: { $function: 'g' } } } }, false],
    ['a number out of range', { pipelines: { prices: [{ use: 'retry', maxAttempts: 0 }] } }, false],
    ['an unknown option', { pipelines: { prices: [{ use: 'retry', maxTries: 2 }] } }, false],
    ['an unknown kind', { pipelines: { prices: [{ use: 'retri' }] } }, false],
    ['an option left out that has no default', { pipelines: { prices: [{ use: 'timeout' }] } }, false],
    ['a default of an option that has none', { defaults: { timeout: { timeoutMs: 3 } } }, false],
    ['a second name of a shared policy', { policies: { a: { use: 'retry', name: 'b' } } }, false],
    ['an empty name', { policies: { '': { use: 'retry' } } }, false],
    ['an unknown part', { pipeline: {} }, false],
    ['an option that only code can make', { policies: { a: { use: 'retry', budget: {} } } }, false],
  ])('(1) says of %s what configure says', (_what, config, isValid) => {
    expect(validator(configSchema({ kinds, functionNames: ['f'] }))(config)).toBe(isValid);
  });

  it('takes any function name where none are named, and none where there are none', () => {
    const config = { defaults: { retry: { isRetryable: { $function: 'f' } } } };

    expect(validator(configSchema({ kinds }))(config)).toBe(true);
    expect(validator(configSchema({ kinds, functionNames: [] }))(config)).toBe(false);
  });

  it('says what an option must be', () => {
    const rules = { size: integerFrom(1, 9), name: nonEmptyString, how: either(nonEmptyString, anyFunction) };
    const kind: PolicyKind = { kind: 'mine', rules, required: [], create: () => undefined as never };

    expect(configSchema({ kinds: [kind] })).toMatchObject({
      $defs: {
        mine: {
          properties: {
            size: { description: 'an integer from 1 to 9', type: 'integer', minimum: 1, maximum: 9 },
            how: { description: 'a non-empty string, or a function', else: { type: 'string', minLength: 1 } },
          },
        },
      },
    });
  });

  it('is, of one kind, just this', () => {
    const kind = {
      kind: 'odd/kind~x',
      rules: { size: integerFrom(0, 9), pick: anyFunction, either: either(nonEmptyString, anyFunction) },
      required: ['size'],
      create: undefined as never,
    } as unknown as PolicyKind;
    const schema = configSchema({ kinds: [kind], functionNames: [] });

    expect(schema['$defs']).toEqual({
      member: {
        anyOf: [
          { ...objectOf({ ref: { type: 'string', minLength: 1 } }), required: ['ref'] },
          {
            type: 'object',
            properties: { use: { enum: ['odd/kind~x'] } },
            required: ['use'],
            allOf: [
              {
                if: { properties: { use: { const: 'odd/kind~x' } } },
                // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
                then: { $ref: '#/$defs/odd~1kind~0x' },
              },
            ],
          },
        ],
      },
      function: { ...objectOf({ $function: false }), required: ['$function'] },
      'odd/kind~x': {
        ...objectOf({
          use: { const: 'odd/kind~x' },
          name: expect.objectContaining({ type: 'string' }),
          size: expect.objectContaining({ description: 'an integer from 0 to 9', minimum: 0, maximum: 9 }),
          pick: { description: 'a function by name', $ref: '#/$defs/function' },
          either: {
            description: 'a non-empty string, or a function',
            if: { type: 'object', required: ['$function'] },
            // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
            then: { $ref: '#/$defs/function' },
            else: { type: 'string', minLength: 1 },
          },
        }),
        required: ['use', 'size'],
      },
      'odd/kind~x.options': objectOf({
        pick: { $ref: '#/$defs/odd~1kind~0x/properties/pick' },
        either: { $ref: '#/$defs/odd~1kind~0x/properties/either' },
      }),
    });
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(configSchema({ kinds: [kind] })['$defs']).toMatchObject({
      function: { properties: { $function: { type: 'string' } } },
    });
  });
});

function objectOf(properties: object): object {
  return { type: 'object', properties, additionalProperties: false };
}
