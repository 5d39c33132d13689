/**
 * Policies that a configuration replaces and removes, and changes of a configuration from within one.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import type { CircuitStore } from '../kernel/circuit-store.ts';
import type { PolicyKind } from '../kernel/description.ts';
import { ConfigError } from '../kernel/options.ts';
import { integerFrom } from '../kernel/option-rules.ts';
import { createPolicy } from '../kernel/policy.ts';
import type { CircuitBreaker } from '../policies/circuit-breaker/circuit-breaker.ts';
import { createRegistry } from '../registry/registry.ts';
import { observe } from '../testing/operation-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { type Configuration, configure } from './configure.ts';

const fails = () => Promise.reject(new Error('down'));
const hangs = () => new Promise<never>(() => {});

describe('a policy that a configuration changes beyond what an update can', () => {
  it('reconciliation (2): is replaced, in the registry and in its pipelines', async () => {
    const registry = createRegistry({ clock: virtualClock() });
    const disposed: object[] = [];
    const kind = picky(disposed);
    const config = (options: object) => ({ pipelines: { p: [{ use: 'picky', ...options }] } });
    const configuration = configure(registry, config({ low: 1 }), { kinds: [kind] });
    const before = registry.get('picky', 'p');

    configuration.update(config({ low: 2 }));
    expect(registry.get('picky', 'p')).toBe(before);
    configuration.update(config({ high: 3 }));
    const after = registry.get('picky', 'p');

    expect(after).not.toBe(before);
    expect(configuration.pipeline('p').policies).toEqual([after]);
    expect(disposed.filter((policy) => policy === before || policy === after)).toEqual([before]);
    await expect(configuration.pipeline('p').execute(() => 7)).resolves.toBe(7);
  });

  it('configure (1): is refused where a new one would be, too', () => {
    const registry = createRegistry();
    const config = (options: object) => ({ pipelines: { p: [{ use: 'picky', ...options }] } });
    const configuration = configure(registry, config({ low: 1 }), { kinds: [picky([])] });
    const before = registry.get('picky', 'p');

    expect(configuration.problemsOf(config({ low: 1, high: 2 }))).toMatchObject([
      { message: expect.stringContaining('not both') as string },
    ]);
    expect(() => configuration.update(config({ low: 1, high: 2 }))).toThrow('not both');
    expect(registry.get('picky', 'p')).toBe(before);
  });

  it('leaves one rule of a breaker for another', async () => {
    const registry = createRegistry({ clock: virtualClock() });
    const config = (options: object) => ({ pipelines: { p: [{ use: 'circuit-breaker', ...options }] } });
    const configuration = configure(registry, config({ confidenceRatio: 0.9 }), { kinds: builtInKinds });
    configuration.update(config({ minimumCalls: 2 }));
    const breaker = registry.get('circuit-breaker', 'p') as CircuitBreaker;

    expect(breaker.describe().options['confidenceRatio']).toBeUndefined();
    for (let call = 0; call < 2; call++)
      await configuration
        .pipeline('p')
        .execute(fails)
        .catch(() => {});
    expect(breaker.state).toBe('open');
  });
});

describe('a policy that a configuration removes', () => {
  it('configure (4), reconciliation (4): is disposed of: a health check ends', async () => {
    const clock = virtualClock();
    let checks = 0;
    const functions = { ping: () => Promise.reject(new Error(`down ${++checks}`)) };
    const breaker = { use: 'circuit-breaker', minimumCalls: 2, openForMs: 1000, healthCheck: { $function: 'ping' } };
    const configuration = configure(
      createRegistry({ clock }),
      { pipelines: { p: [breaker] } },
      { kinds: builtInKinds, functions },
    );
    const p = configuration.pipeline('p');
    for (let call = 0; call < 2; call++) await p.execute(fails).catch(() => {});
    await clock.advance(1000);
    const before = checks;
    expect(before).toBeGreaterThan(0);

    configuration.update({});
    await clock.advance(60_000);

    expect([checks, clock.pendingCount]).toEqual([before, 0]);
  });

  it('lets its calls end', async () => {
    const clock = virtualClock();
    const limit = { use: 'timeout', timeoutMs: 100 };
    const configuration = configure(
      createRegistry({ clock }),
      { pipelines: { p: [{ use: 'circuit-breaker' }, limit] } },
      { kinds: builtInKinds },
    );
    const call = observe(configuration.pipeline('p').execute(hangs));
    configuration.update({});
    await clock.advance(100);

    expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT' } });
  });
});

describe('a configuration that is changed from within a change', () => {
  it('refuses the inner change, and is as the outer one says', async () => {
    const registry = createRegistry({ clock: virtualClock() });
    const config = (maxConcurrent: number, more: object = {}) => ({
      policies: { db: { use: 'bulkhead', maxConcurrent, maxQueued: 5 }, ...more },
      pipelines: { p: [{ ref: 'db' }] },
    });
    const configuration: Configuration = configure(registry, config(1), { kinds: builtInKinds });
    const p = configuration.pipeline('p');
    void p.execute(hangs);
    const next = config(2, { x: { use: 'noop' } });
    const queued = observe(p.execute(() => configuration.update(next)));
    await settle();
    configuration.update(config(2));
    await settle();

    const message = 'the configuration is being changed: update it again after that';
    expect(queued()).toMatchObject({ status: 'rejected', error: { name: 'TypeError', message } });
    expect(registry.get('noop', 'x')).toBeUndefined();
    configuration.update(next);
    expect(registry.get('noop', 'x')).toBeDefined();
  });
});

/** A kind with two options of which one can be set; it tells `disposed` what its options were. */
function picky(disposed: object[]): PolicyKind {
  interface Options {
    readonly low?: number | undefined;
    readonly high?: number | undefined;
  }
  const check = ({ low, high }: Options): void => {
    if (low !== undefined && high !== undefined) throw new ConfigError('picky.high', 'not both', high);
  };
  const create = ({ name, ...options }: Options & { readonly name: string }) => {
    check(options);
    let given: Options = options;
    const planUpdate = (changes: Options) => {
      const next = { ...given, ...changes };
      check(next);
      return () => void (given = next);
    };
    const dispose = (): void => void disposed.push(made);
    const policy = createPolicy({ kind: 'picky', name, layer: (inner) => inner });
    const made = Object.assign(policy, { planUpdate, [Symbol.dispose]: dispose });
    return made;
  };
  return {
    kind: 'picky',
    rules: { low: integerFrom(0, 9), high: integerFrom(0, 9) },
    required: [],
    create,
  };
}

describe('a policy that is made for a plan', () => {
  /** A store that knows who takes part. */
  const counting = () => {
    const members: string[] = [];
    const join: CircuitStore['join'] = ({ name }) => {
      members.push(name);
      const leave = (): void => void members.splice(members.indexOf(name), 1);
      const nothing = (): void => {};
      const acts = { tripped: nothing, recovered: nothing, wasReset: nothing, noteDemand: nothing };
      return { ...acts, probe: () => 'own', retryAfterMs: () => 0, explain: nothing as never, leave };
    };
    const store: CircuitStore = { join, health: nothingToSay, close: async () => {} };
    return { store, members };
  };
  const nothingToSay = (() => {}) as never;
  const good = { policies: { prices: { use: 'circuit-breaker', minimumCalls: 2 } }, pipelines: {} };

  it('reconciliation (5): leaves the fleet where the plan has problems, or was only asked about', () => {
    const { store, members } = counting();
    const configuration = configure(createRegistry({ store }), {}, { kinds: builtInKinds });
    expect(configuration.problemsOf(good)).toEqual([]);
    expect(members).toEqual([]);
    const bad = { policies: { ...good.policies, stock: { use: 'retry', maxAttempts: -1 } }, pipelines: {} };
    expect(() => configuration.update(bad)).toThrow('stock');
    expect(members).toEqual([]);

    configuration.update(good);
    expect(members).toEqual(['prices']);
  });

  it('reconciliation (5): leaves the fleet where it was made for its defaults, or has taken the place of another', () => {
    const { store, members } = counting();
    const configuration = configure(createRegistry({ store }), good, { kinds: builtInKinds });
    configuration.update({ policies: { prices: { use: 'circuit-breaker', minimumCalls: 3 } }, pipelines: {} });
    expect(members).toEqual(['prices']);
    configuration.update({ policies: { prices: { use: 'circuit-breaker', confidenceRatio: 0.9 } }, pipelines: {} });
    expect(members).toEqual(['prices']);
    configuration.update({});

    expect(members).toEqual([]);
  });
});
