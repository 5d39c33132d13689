import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { settled } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { type ChaosInjection, type ChaosOptions, chaos, chaosKind } from './chaos.ts';

const fault: ChaosInjection = { kind: 'fault', callRatio: 1 };
const tenant = contextKey<string>('tenant');

/** A chaos policy that is on and always hits. */
const storm = (options: Partial<ChaosOptions<unknown>> & Pick<ChaosOptions<unknown>, 'injections'>) =>
  chaos<unknown>({ name: 'storm', enforcement: 'enforce', random: () => 0, ...options });

describe('chaos options', () => {
  it('describes targets and functions in JSON', () => {
    const injections: readonly ChaosInjection[] = [
      { kind: 'latency', callRatio: 0.5, latencyMs: () => 5, when: { key: tenant, values: ['test'] } },
      { kind: 'outcome', callRatio: 0.1, value: 1, when: () => true },
    ];
    const { options, traits } = storm({ injections, stopWhen: () => false }).describe();

    expect(JSON.parse(JSON.stringify(options['injections']))).toEqual([
      { kind: 'latency', callRatio: 0.5, when: { key: 'tenant', values: ['test'] }, latencyMs: '[function]' },
      { kind: 'outcome', callRatio: 0.1, when: '[function]' },
    ]);
    expect([options['stopWhen'], traits]).toEqual(['[function]', { maxWaitMs: 3_600_000, hidesFailures: true }]);
  });

  it('describes the longest wait, and none where it is off', () => {
    const injections: readonly ChaosInjection[] = [
      { kind: 'latency', callRatio: 0.5, latencyMs: [50, 150] },
      { kind: 'latency', callRatio: 0.5, latencyMs: 20 },
      { kind: 'outcome', callRatio: 0.1, value: 1 },
    ];
    const { kind, traits } = storm({ injections }).describe();

    expect([kind, storm({ injections }).kind, traits]).toEqual([
      'chaos',
      'chaos',
      { maxWaitMs: 170, hidesFailures: true },
    ]);
    expect(chaos({ injections }).describe().traits).toEqual({ maxWaitMs: 0, hidesFailures: false });
  });

  describe('options', () => {
    const table = optionTable(
      'chaos',
      { name: { kind: 'name' }, stopWhen: { kind: 'function' } },
      { injections: [fault] },
    );
    const forMs = optionTable('chaos', { forMs: { kind: 'number', min: 1, max: Infinity } }, { injections: [fault] });

    it.each([...table, ...forMs])('$title', ({ options, expected }) => {
      expect(verdictOn(chaos, options)).toBe(expected);
    });

    const outcome = { kind: 'outcome', callRatio: 1 };
    const latency = { kind: 'latency', callRatio: 1 };

    it.each(
      (
        [
          [{ maxInjections: 1 }, 'accepted'],
          [{ maxInjections: 1_000_000_000 }, 'accepted'],
          [{ maxInjections: Infinity }, 'accepted'],
          [{ maxInjections: 0 }, 'chaos.maxInjections must be an integer from 1 to 1000000000, or Infinity, got 0'],
          [{ maxInjections: 1.5 }, 'chaos.maxInjections must be'],
          [{ enforcement: 'on' }, 'chaos.enforcement must be one of "enforce", "observe", "off", got "on"'],
          [{ enabled: true }, 'TypeError: chaos has no option "enabled"'],
          [{ injections: [] }, 'chaos.injections must be a list of 1 to 20 injections, got an array'],
          [{ injections: Array.from({ length: 20 }, () => fault) }, 'accepted'],
          [{ injections: Array.from({ length: 21 }, () => fault) }, 'chaos.injections must be'],
          [
            { injections: [undefined] },
            'chaos.injections[0].kind must be one of fault, latency, outcome, behaviour, got undefined',
          ],
          [{ injections: [fault, { kind: 'storm' }] }, 'chaos.injections[1].kind must be'],
          [
            { injections: [{ kind: 'fault' }] },
            'chaos.injections[0].callRatio must be a number from 0 to 1, got undefined',
          ],
          [{ injections: [{ ...fault, callRatio: 0 }] }, 'accepted'],
          [{ injections: [{ ...fault, callRatio: -0.1 }] }, 'chaos.injections[0].callRatio must be'],
          [{ injections: [{ ...fault, latencyMs: 5 }] }, 'TypeError: chaos.injections[0] has no option "latencyMs"'],
          [
            { injections: [{ ...fault, when: 'test' }] },
            'chaos.injections[0].when must be a function, or { key, values }',
          ],
          [{ injections: [{ ...fault, when: { key: tenant } }] }, 'chaos.injections[0].when must be'],
          [{ injections: [{ ...fault, when: { key: 'tenant', values: [] } }] }, 'chaos.injections[0].when must be'],
          [{ injections: [{ ...fault, when: { key: null, values: [] } }] }, 'chaos.injections[0].when must be'],
          [{ injections: [{ ...fault, when: null }] }, 'chaos.injections[0].when must be'],
          [{ injections: [{ ...fault, value: 1 }] }, 'TypeError: chaos.injections[0] has no option "value"'],
          [
            { injections: [latency] },
            'chaos.injections[0].latencyMs must be a number from 0 to 3600000, or a list of two',
          ],
          [{ injections: [{ ...latency, latencyMs: [0, 3_600_000] }] }, 'accepted'],
          [{ injections: [{ ...latency, latencyMs: [5, 5] }] }, 'accepted'],
          [{ injections: [{ ...latency, latencyMs: [1, 2, 3] }] }, 'chaos.injections[0].latencyMs must be'],
          [{ injections: [{ ...latency, latencyMs: [5, 4] }] }, 'chaos.injections[0].latencyMs must be'],
          [{ injections: [{ ...latency, latencyMs: [5, 3_600_001] }] }, 'chaos.injections[0].latencyMs must be'],
          [{ injections: [{ ...latency, latencyMs: 3_600_001 }] }, 'chaos.injections[0].latencyMs must be'],
          [
            { injections: [outcome] },
            'chaos.injections[0] must be given exactly one of value and makeValue, got "neither"',
          ],
          [{ injections: [{ ...outcome, value: 1, makeValue: () => 1 }] }, 'got "both"'],
          [{ injections: [{ ...outcome, value: undefined, makeValue: () => 1 }] }, 'accepted'],
          [{ injections: [{ kind: 'behaviour', callRatio: 1 }] }, 'chaos.injections[0].run must be a function'],
        ] as const
      ).map((row) => [JSON.stringify(row[0]).slice(0, 60), ...row] as const),
    )('%s', (_title, options, expected) => {
      expect(verdictOn(chaos, { injections: [fault], ...options })).toContain(expected);
    });

    it('keeps nothing of what it was given', async () => {
      const injections: ChaosInjection[] = [{ ...fault }];
      const policy = storm({ injections });
      Object.assign(injections[0] as object, { callRatio: 0 });
      injections.length = 0;

      expect(await settled(policy.execute(() => 1))).toMatchObject({ status: 'rejected' });

      const values = ['test'];
      const aimed = storm({ injections: [{ ...fault, when: { key: tenant, values } }] });
      values.length = 0;
      expect(await settled(aimed.execute(() => 1, Context.background.withValue(tenant, 'test')))).toMatchObject({
        status: 'rejected',
      });

      const latencyMs: [number, number] = [1, 2];
      const delaying = storm({ injections: [{ kind: 'latency', callRatio: 1, latencyMs }] });
      latencyMs[1] = 5;
      expect(delaying.describe().traits.maxWaitMs).toBe(2);
    });

    it('says in configuration what needs no function', () => {
      const callRatio = { type: 'number', minimum: 0, maximum: 1 };
      const delay = { type: 'number', minimum: 0, maximum: 3_600_000 };
      const latencyMs = { anyOf: [delay, { type: 'array', items: delay, minItems: 2, maxItems: 2 }] };
      const item = (kind: string, fields: object): object => ({
        type: 'object',
        properties: { kind: { const: kind }, callRatio, ...fields },
        required: ['kind', 'callRatio', ...Object.keys(fields)],
        additionalProperties: false,
      });

      expect(chaosKind.rules['injections']?.schema).toEqual({
        type: 'array',
        minItems: 1,
        maxItems: 20,
        items: { anyOf: [item('fault', {}), item('latency', { latencyMs }), item('outcome', { value: {} })] },
      });
    });

    it('can be made from configuration', () => {
      expect(chaosKind).toMatchObject({ kind: 'chaos', required: ['injections'] });
      expect(JSON.stringify(chaosKind.rules['injections']?.schema)).toContain('"const":"latency"');
      expect(verdictOn((options: never) => chaosKind.create(options), undefined)).toContain(
        'chaos must be an object of options',
      );
    });
  });
});
