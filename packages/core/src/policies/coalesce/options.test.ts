import { describe, expect, it } from 'vitest';

import { Context, contextKey } from '../../kernel/context.ts';
import { never, observe } from '../../testing/operation-table.ts';
import { optionTable, verdictOn } from '../../testing/option-table.ts';
import { type CoalesceOptions, coalesce, coalesceDefaults, coalesceKind } from './coalesce.ts';

const topic = contextKey<string>('topic');
const make = (options: Partial<CoalesceOptions> = {}) =>
  coalesce({ name: 'prices', keyOf: (context) => context.value(topic), ...options });
const about = (key: string): Context => Context.background.withValue(topic, key);

describe('coalesce', () => {
  describe('options', () => {
    const table = optionTable(
      'coalesce',
      { name: { kind: 'name' }, maxKeys: { kind: 'integer', min: 1, max: 1_000_000 } },
      { keyOf: () => 'all' },
    );

    it.each(table)('$title', ({ options, expected }) => {
      expect(verdictOn(coalesce, options)).toBe(expected);
    });

    it('refuse an enforcement that there is not', () => {
      expect(verdictOn(coalesce, { keyOf: () => 'all', enforcement: 'on' })).toBe(
        'ConfigError: coalesce.enforcement must be one of "enforce", "observe", "off", got "on" (INVALID_CONFIG)',
      );
    });

    it('need a keyOf', () => {
      expect(verdictOn(coalesce, {})).toContain('coalesce.keyOf must be a function, got undefined');
      expect(verdictOn(coalesce, { keyOf: 'tea' })).toContain('coalesce.keyOf must be a function, got "tea"');
    });

    it('are refused with the known ones where one is unknown', () => {
      expect(verdictOn(coalesce, { keyOf: () => 'all', ttlMs: 5 })).toContain(
        'TypeError: coalesce has no option "ttlMs"; it knows ',
      );
    });
  });

  describe('update', () => {
    it('(8) changes calls that come after it, and keeps runs and counts', () => {
      const policy = make();
      for (const key of ['a', 'b', 'b']) observe(policy.execute(never, about(key)));

      policy.update({ maxKeys: 1 });
      for (const key of ['a', 'c']) observe(policy.execute(never, about(key)));
      expect(policy.snapshot()).toMatchObject({ maxKeys: 1, inFlight: 2, runs: 2, shared: 2, overflowed: 1 });

      policy.update({ enforcement: 'off' });
      observe(policy.execute(never, about('a')));
      expect(policy.snapshot()).toMatchObject({ enforcement: 'off', inFlight: 2, runs: 2, shared: 2 });
    });

    it('(8) by a plan makes the change when told, and not before', () => {
      const policy = make();
      const apply = policy.planUpdate({ maxKeys: 5 });
      expect(policy.snapshot().maxKeys).toBe(10_000);

      apply();

      expect(policy.snapshot().maxKeys).toBe(5);
    });

    it('(8) leaves what is omitted as it was, and all where it is refused', () => {
      const policy = make({ maxKeys: 7 });
      const before = policy.describe();
      policy.update({});
      for (const changes of [
        { maxKeys: 0 },
        { name: 'other' },
        { keyOf: () => 'all' },
        { enforcement: 'on', maxKeys: 3 },
      ]) {
        expect(verdictOn((each: never) => policy.update(each), changes)).not.toBe('accepted');
      }

      expect(policy.describe()).toEqual(before);
      expect(verdictOn((each: never) => policy.update(each), { keyOf: () => 'all' })).toContain(
        'TypeError: coalesce.update has no option "keyOf"',
      );
    });
  });

  it('describes itself in JSON', () => {
    expect(JSON.parse(JSON.stringify(make({ maxKeys: 7, enforcement: 'observe' }).describe()))).toEqual({
      kind: 'coalesce',
      name: 'prices',
      enforcement: 'observe',
      options: { keyOf: '[function]', maxKeys: 7 },
      traits: { isShared: true },
    });
  });

  it('has a kind for configuration, with a rule for each option', () => {
    const { kind, rules, required } = coalesceKind;

    expect({ kind, required }).toEqual({ kind: 'coalesce', required: ['keyOf'] });
    expect(Object.keys(rules).toSorted()).toEqual([...Object.keys(coalesceDefaults), 'keyOf'].toSorted());
    expect(coalesceKind.create({ keyOf: () => 'all' } as never).kind).toBe('coalesce');
    expect(Object.isFrozen(coalesceDefaults)).toBe(true);
  });
});
