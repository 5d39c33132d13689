import { describe, expect, it } from 'vitest';

import type { Describable } from '../kernel/description.ts';
import { noop } from '../policies/noop/noop.ts';
import { createRegistry } from '../registry/registry.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { configure } from './configure.ts';

const functions = { key: () => 'a', make: () => noop() };

/** What the kinds cannot be made without. */
const needs: Readonly<Record<string, object>> = {
  cache: { keyOf: { $function: 'key' } },
  chaos: { injections: [{ kind: 'latency', callRatio: 0, latencyMs: 1 }] },
  coalesce: { keyOf: { $function: 'key' } },
  fallback: { value: 0 },
  hedge: { delayMs: 10 },
  keyed: { keyOf: { $function: 'key' }, make: { $function: 'make' } },
  'rate-limiter': { maxPerInterval: 5 },
  timeout: { timeoutMs: 100 },
};

describe.each(builtInKinds)('the kind $kind', ({ kind, rules, required, defaults = {} }) => {
  const config = (more: object) => ({ pipelines: { p: [{ use: kind, ...needs[kind], ...more }] } });
  const options = { kinds: builtInKinds, functions };
  const configured = (registry = createRegistry({ clock: virtualClock() })) => ({
    registry,
    configuration: configure(registry, config({}), options),
    told: () => (registry.get(kind, 'p') as Partial<Describable> | undefined)?.describe?.(),
  });

  it('can be made from configuration, and describes itself', async () => {
    const { configuration, told } = configured();

    expect(told()).toMatchObject({ kind, name: 'p' });
    expect(JSON.parse(JSON.stringify(told()?.options))).toBeTypeOf('object');
    expect(await configuration.pipeline('p').execute(() => 0)).toBe(0);
  });

  it('charter O2: can be told to observe, and back by leaving that out', () => {
    const { configuration, registry, told } = configured();
    const before = registry.get(kind, 'p');
    const usual = told()?.enforcement;

    configuration.update(config({ enforcement: 'observe' }));
    expect(told()?.enforcement).toBe('observe');
    configuration.update(config({}));
    expect(told()?.enforcement).toBe(usual);
    expect(registry.get(kind, 'p')).toBe(before);
  });

  it('has rules for its options, and defaults that they accept', () => {
    expect(required.filter((option) => rules[option] === undefined)).toEqual([]);
    const refused = Object.entries(defaults).filter(([option, value]) => rules[option]?.accepts(value) === false);
    expect(refused).toEqual([]);
  });

  it('is refused with an option that it does not have', () => {
    const { configuration } = configured();

    expect(configuration.problemsOf(config({ maxNothing: 1 }))).toMatchObject([{ path: 'pipelines.p[0].maxNothing' }]);
  });
});
