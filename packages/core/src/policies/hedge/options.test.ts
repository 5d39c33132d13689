import { beforeEach, describe, expect, it } from 'vitest';

import { never, observe, scripted } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { type VirtualClock, virtualClock } from '../../testing/virtual-clock.ts';
import { type Hedge, type HedgeOptions, hedge, hedgeDefaults, hedgeKind } from './hedge.ts';

const delays = 'a number from 0 to 600000, or a latency quantile';

describe('hedge', () => {
  let clock: VirtualClock;

  beforeEach(() => {
    clock = virtualClock();
  });

  const make = (options: Partial<HedgeOptions> = {}) => hedge({ delayMs: 100, clock, ...options });

  describe('update', () => {
    it('(9) changes calls that start after it, and keeps counts and budget', async () => {
      const policy = make({ maxHedgeRatio: 1 });
      const [before, after_] = [scripted(clock), scripted(clock)];
      observe(policy.execute(before.run));

      policy.update({ delayMs: 30, maxAttempts: 3, maxHedgeRatio: 0.5 });
      observe(policy.execute(after_.run));
      await clock.runAll();

      expect(before.startedAt).toEqual([0, 100]);
      expect(after_.startedAt).toEqual([0, 30, 60]);
      expect(policy.snapshot()).toMatchObject({ delayMs: 30, calls: 2, hedged: 3 });
      for (const [calls, hedged] of [
        [20, 13], // of ten that were saved up three were spent; twenty calls filled it up again
        [4, 15], // each earned half of one
      ] as const) {
        for (let call = 0; call < calls; call++) observe(policy.execute(never));
        // oxlint-disable-next-line no-await-in-loop -- one lot after the other
        await clock.runAll();
        expect(policy.snapshot().hedged).toBe(hedged);
      }
    });

    it('(9) by a plan makes the change when told, and not before', () => {
      const policy = make();
      const apply = policy.planUpdate({ delayMs: 30, enforcement: 'observe' });
      expect(policy.snapshot()).toMatchObject({ delayMs: 100, enforcement: 'enforce' });

      apply();

      expect(policy.snapshot()).toMatchObject({ delayMs: 30, enforcement: 'observe' });
    });

    it('(9) leaves what is omitted as it was, and all where it is refused', () => {
      const policy = make({ maxAttempts: 4 });
      const before = policy.describe();
      policy.update({});
      policy.update({ maxAttempts: undefined } as never);
      for (const changes of [{ maxAttempts: 11 }, { name: 'other' }, { clock }, { delayMs: { quantile: 2 } }]) {
        expect(verdictOn((each: never) => policy.update(each), changes)).not.toBe('accepted');
      }
      expect(verdictOn((each: never) => policy.update(each), { name: 'other' })).toContain(
        'hedge.update has no option',
      );

      expect(policy.describe()).toEqual(before);
      expect(verdictOn((each: never) => policy.update(each), { maxAttempts: 11, delayMs: 3 })).toContain(
        'hedge.maxAttempts must be an integer from 2 to 10, got 11',
      );
      expect(policy.describe()).toEqual(before);
    });
  });

  describe('its description', () => {
    it('tells the options in force and what it does to calls inside, in JSON', () => {
      const policy = make({ name: 'prices', maxAttempts: 3, hedgeOnFailure: true });

      expect(JSON.parse(JSON.stringify(policy.describe()))).toEqual({
        kind: 'hedge',
        name: 'prices',
        enforcement: 'enforce',
        options: { delayMs: 100, maxAttempts: 3, maxHedgeRatio: 0.1, hedgeOnFailure: true, classify: '[function]' },
        traits: { maxRuns: 3, maxConcurrentRuns: 3, maxWaitMs: 200, retriesFailures: true, isShared: true },
      });
    });

    it('tells a delay by quantile with its defaults', () => {
      expect(make({ delayMs: { quantile: 0.95, maxMs: 500 } }).describe().options['delayMs']).toEqual({
        quantile: 0.95,
        minMs: 0,
        maxMs: 500,
        minimumCalls: 20,
        windowMs: 60_000,
      });
    });

    it('tells the least time between copies, where there is one', () => {
      const delayMs = { quantile: 0.9, minMs: 30, maxMs: 500 };

      expect(make().describe().traits.minRunGapMs).toBe(100);
      for (const options of [{ hedgeOnFailure: true }, { maxHedgeRatio: 0 }, { delayMs: 0 }, { delayMs }])
        expect(make(options).describe().traits).not.toHaveProperty('minRunGapMs');
      expect(make({ delayMs, maxAttempts: 3 }).describe().traits.maxWaitMs).toBe(1000);
    });

    it('promises one run where it never hedges', () => {
      expect(make({ maxHedgeRatio: 0 }).describe().traits).toMatchObject({
        maxRuns: 1,
        maxConcurrentRuns: 1,
        maxWaitMs: 0,
      });
      expect(make({ maxHedgeRatio: 0, hedgeOnFailure: true }).describe().traits.retriesFailures).toBe(false);
      expect(make({ enforcement: 'observe' }).describe().traits).toEqual({ isShared: true });
    });
  });

  it('has a kind for configuration, with a rule for each option', () => {
    const { kind, rules, required } = hedgeKind;
    expect({ kind, required }).toEqual({ kind: 'hedge', required: ['delayMs'] });
    expect(make().kind).toBe(kind);
    expect(Object.keys(rules).toSorted()).toEqual(
      [...Object.keys(hedgeDefaults).filter((option) => option !== 'clock'), 'delayMs'].toSorted(),
    );
    expect((hedgeKind.create({ delayMs: 5 } as never) as Hedge).describe().options['delayMs']).toBe(5);
    const upTo = (maximum: number, minimum = 0): object => ({ type: 'number', minimum, maximum });
    const properties = {
      quantile: upTo(0.999, 0.5),
      minMs: upTo(600_000),
      maxMs: upTo(600_000),
      minimumCalls: { type: 'integer', minimum: 1, maximum: 10_000 },
      windowMs: upTo(3_600_000, 1000),
    };
    expect(JSON.parse(JSON.stringify(rules['delayMs']?.schema))).toEqual({
      anyOf: [
        upTo(600_000),
        { type: 'object', properties, required: ['quantile', 'maxMs'], additionalProperties: false },
      ],
    });
  });

  it('takes the delay alone in place of options', async () => {
    expect(verdictOn(hedge, -1)).toContain(`hedge.delayMs must be ${delays}, got -1`);
    expect(hedge(5).name).toBe('hedge');
  });

  describe('options', () => {
    const table = optionTable(
      'hedge',
      {
        name: { kind: 'name' },
        maxAttempts: { kind: 'integer', min: 2, max: 10 },
        maxHedgeRatio: { kind: 'number', min: 0, max: 1 },
        classify: { kind: 'function' },
      },
      { delayMs: 1 },
    );

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(hedge, options)).toBe(expected);
    });

    it.each([
      [{ delayMs: 0 }, 'accepted'],
      [{ delayMs: 600_000, hedgeOnFailure: true }, 'accepted'],
      [{ delayMs: 600_000.1 }, `ConfigError: hedge.delayMs must be ${delays}, got 600000.1 (INVALID_CONFIG)`],
      [{ delayMs: '5' }, `ConfigError: hedge.delayMs must be ${delays}, got "5" (INVALID_CONFIG)`],
      [{ delayMs: null }, `ConfigError: hedge.delayMs must be ${delays}, got null (INVALID_CONFIG)`],
      [
        { delayMs: 5, hedgeOnFailure: 1 },
        'ConfigError: hedge.hedgeOnFailure must be true or false, got 1 (INVALID_CONFIG)',
      ],
      [
        { delayMs: 5, enforcement: 'on' },
        'ConfigError: hedge.enforcement must be one of "enforce", "observe", "off", got "on" (INVALID_CONFIG)',
      ],
    ])('%j: %s', (options, expected) => {
      expect(verdictOn(hedge, options)).toBe(expected);
    });

    it('are refused where delayMs is missing or one is unknown', () => {
      expect(verdictOn(hedge, {})).toContain(`hedge.delayMs must be ${delays}, got undefined`);
      expect(verdictOn(hedge, { delay: 5 })).toContain('TypeError: hedge has no option "delay"; it knows ');
      expect(Object.isFrozen(hedgeDefaults)).toBe(true);
    });
  });
});
