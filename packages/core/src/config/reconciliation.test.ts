import { describe, expect, it } from 'vitest';

import type { PolicyKind } from '../kernel/description.ts';
import { integerFrom } from '../kernel/option-rules.ts';
import { createPolicy } from '../kernel/policy.ts';
import { createRegistry } from '../registry/registry.ts';
import { ConfigurationError } from './config-problem.ts';
import { configure } from './configure.ts';

interface Options {
  readonly width?: number;
  readonly height?: number;
  readonly depth?: number;
}

/** A kind whose height is the width where it is not given, and that notes what it is updated with. */
function box(planned: object[], plan: (changes: object) => void = () => {}): PolicyKind {
  const rules = { width: integerFrom(0, 9), height: integerFrom(0, 9), depth: integerFrom(0, 9) };
  const create = ({ name, ...options }: Options & { readonly name: string }) => {
    const { width = 1, height = width, depth = 1 } = options;
    const planUpdate = (changes: object) => {
      plan(changes);
      return () => void planned.push(changes);
    };
    const describeBox = () => ({ kind: 'box', name, options: { width, height, depth }, traits: {} });
    return Object.assign(createPolicy({ kind: 'box', name, layer: (inner) => inner }), {
      planUpdate,
      describe: describeBox,
    });
  };
  return { kind: 'box', rules, required: [], defaults: { width: 1, depth: 1 }, create };
}

function configured(kind: PolicyKind, options: Options) {
  const config = (next: Options) => ({ pipelines: { p: [{ use: 'box', ...next }] } });
  const configuration = configure(createRegistry(), config(options), { kinds: [kind] });
  const policyOf = () => configuration.pipeline('p').policies[0];
  return { policyOf, update: (next: Options) => configuration.update(config(next)) };
}

describe('reconciliation', () => {
  it.each([
    ['an option', { width: 2, height: 3 }, { width: 4, height: 3 }, [{ width: 4 }]],
    ['nothing', { width: 2 }, { width: 2 }, []],
    ['an option, and what is derived from it', { width: 2 }, { width: 4 }, [{ width: 4, height: 4 }]],
    ['an option from which nothing is derived', { width: 2 }, { width: 2, depth: 5 }, [{ depth: 5 }]],
    ['an option that is left out now', { width: 2, depth: 5 }, { width: 2 }, [{ depth: 1 }]],
    ['a derived option that is left out now', { width: 2, height: 5 }, { width: 2 }, [{ height: 2 }]],
  ])('(3) updates %s, and nothing else', (_what, before, after, expected) => {
    const planned: object[] = [];
    const { policyOf, update } = configured(box(planned), before);
    const policy = policyOf();

    update(after);

    expect(planned).toEqual(expected);
    expect(policyOf()).toBe(policy);
  });

  it('tells what a policy throws at a change, and does not put another in its place', () => {
    const { policyOf, update } = configured(
      box([], () => {
        throw new TypeError('too busy');
      }),
      { width: 2 },
    );
    const policy = policyOf();

    expect(() => update({ width: 3 })).toThrow(ConfigurationError);
    expect(() => update({ width: 3 })).toThrow('the configuration has 1 problem\n  pipelines.p[0]: too busy');
    expect(policyOf()).toBe(policy);
  });
});
