import { describe, expect, it } from 'vitest';

import type { PolicyKind } from '../kernel/description.ts';
import { onHookError } from '../kernel/hooks.ts';
import { integerFrom } from '../kernel/option-rules.ts';
import { createPolicy } from '../kernel/policy.ts';
import { bulkhead, bulkheadKind } from '../policies/bulkhead/bulkhead.ts';
import { retryKind } from '../policies/retry/retry.ts';
import { timeoutKind } from '../policies/timeout/timeout.ts';
import { createRegistry } from '../registry/registry.ts';
import { recordEvents } from '../testing/event-recorder.ts';
import { observe, settled } from '../testing/operation-table.ts';
import { settle, virtualClock } from '../testing/virtual-clock.ts';
import { ConfigurationError } from './config-problem.ts';
import { configure } from './configure.ts';

const kinds = [bulkheadKind, retryKind, timeoutKind];
const limit = (timeoutMs: number, more: object = {}) => ({ use: 'timeout', timeoutMs, ...more });
const permits = (maxConcurrent: number, more: object = {}) => ({ use: 'bulkhead', maxConcurrent, ...more });

/** A registry on virtual time, configured with one pipeline called `prices`. */
function configured(...prices: readonly object[]) {
  const clock = virtualClock();
  const registry = createRegistry({ clock, random: () => 0.5 });
  const configuration = configure(registry, { pipelines: { prices } }, { kinds });
  const update = (...next: readonly object[]) => configuration.update({ pipelines: { prices: next } });
  const snapshotOf = (name: string) => (registry.get('bulkhead', name) as ReturnType<typeof bulkhead>).snapshot();
  return { clock, registry, configuration, update, snapshotOf, prices: configuration.pipeline<never>('prices') };
}

const problemsOf = (attempt: () => unknown): readonly string[] => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
};

describe('configure', () => {
  it('makes pipelines and policies, and adds them to the registry', async () => {
    const { registry, prices } = configured({ use: 'retry', maxAttempts: 2 }, limit(300));

    await expect(prices.execute(() => 7)).resolves.toBe(7);
    expect(registry.get('pipeline', 'prices')).toBe(prices);
    expect(registry.get('retry', 'prices')).toBe(prices.policies[0]);
    expect(prices.policies.map((policy) => (policy as unknown as { kind: string }).kind)).toEqual(['retry', 'timeout']);
  });

  it('makes policies on the ports of the registry', async () => {
    const { clock, registry, prices } = configured(limit(300));
    const recorder = recordEvents(registry.events);
    const call = observe(prices.execute(() => new Promise(() => {})));

    await clock.advance(299);
    expect(call().status).toBe('pending');
    await clock.advance(1);
    expect(call()).toMatchObject({ status: 'rejected', error: { code: 'TIMEOUT', policy: 'prices' } });
    expect(recorder.events.every(({ name }) => name === 'prices')).toBe(true);
  });

  it('shares what is referred to, and gives defaults to all of a kind', () => {
    const registry = createRegistry();
    const configuration = configure(
      registry,
      {
        $schema: './holdfast.schema.json',
        defaults: { bulkhead: { maxQueued: 5, maxConcurrent: 9 } },
        policies: { database: permits(20) },
        pipelines: {
          prices: [{ ref: 'database' }, limit(10)],
          users: [{ ref: 'database' }, { use: 'bulkhead', name: 'x' }],
        },
      },
      { kinds },
    );
    const [prices, users] = [configuration.pipeline('prices'), configuration.pipeline('users')];

    expect(prices.policies[0]).toBe(users.policies[0]);
    expect((prices.policies[0] as ReturnType<typeof bulkhead>).snapshot()).toMatchObject({
      maxConcurrent: 20,
      maxQueued: 5,
    });
    expect((registry.get('bulkhead', 'x') as ReturnType<typeof bulkhead>).snapshot().maxConcurrent).toBe(9);
  });

  it('takes functions by name', async () => {
    const functions = { never: () => false };
    const retries = { use: 'retry', isRetryable: { $function: 'never' } };
    const configuration = configure(createRegistry(), { pipelines: { prices: [retries] } }, { kinds, functions });
    let runs = 0;
    const fails = (): never => {
      runs++;
      throw new Error('down');
    };

    await expect(configuration.pipeline('prices').execute(fails)).rejects.toThrow('down');
    expect(runs).toBe(1);
  });

  it('(1) tells every problem at once, with its path', () => {
    const config = {
      pipeline: {},
      defaults: { retry: { maxAttempts: 0 }, timeout: { timeoutMs: 5 }, nothing: {} },
      policies: { a: { use: 'bulkhead', name: 'b' }, 'b c': { use: 'retry', backoff: 'none' } },
      pipelines: {
        prices: [
          { use: 'retry', maxAttempts: 3.5, maxTries: 3, isRetryable: { $function: 'odd' } },
          { use: 'timeout' },
          { use: 'retri' },
          { ref: 'c' },
          7,
        ],
        users: { use: 'retry' },
        orders: [{ use: 'retry', baseDelayMs: 500, maxDelayMs: 100 }, { use: 'retry' }],
      },
    };

    expect(problemsOf(() => configure(createRegistry(), config, { kinds }))).toEqual([
      'pipeline is not known; a configuration has $schema, defaults, policies, pipelines',
      'defaults.retry.maxAttempts must be an integer from 1 to 100, got 0',
      expect.stringMatching(/^defaults\.timeout\.timeoutMs is no option here; timeout has enforcement$/),
      'defaults.nothing is no kind of policy; known are bulkhead, retry, timeout',
      expect.stringMatching(/^policies\.a\.name is no option here; bulkhead has /),
      expect.stringMatching(/^policies\["b c"\]\.backoff must be one of "full-jitter".*, or a function, got "none"$/),
      'pipelines.prices[0].maxAttempts must be an integer from 1 to 100, got 3.5',
      expect.stringMatching(/^pipelines\.prices\[0\]\.maxTries is no option here; retry has /),
      'pipelines.prices[0].isRetryable.$function must be no function, for none was handed in, got "odd"',
      'pipelines.prices[1].timeoutMs must be given, for it has no default',
      'pipelines.prices[2].use must be one of bulkhead, retry, timeout, got "retri"',
      'pipelines.prices[4] must be an object with "use" or "ref", got 7',
      'pipelines.users must be an array of policies, outermost first, got an object',
      'pipelines.prices[3].ref must be one of a, b c, got "c"',
      'pipelines.orders[1] is a second retry named "orders", after pipelines.orders[0]; give it another name, or refer to one of "policies"',
      'pipelines.orders[0].maxDelayMs must be a number from 500 to 600000, got 100',
    ]);
  });

  it.each([
    ['nothing', undefined, 'the configuration must be an object, got undefined'],
    ['an array', [], 'the configuration must be an object, got an array'],
    ['a part that is none', { pipelines: 7 }, 'pipelines must be an object, got 7'],
    ['a pipeline without a name', { pipelines: { '': [] } }, 'pipelines[""] has an empty name'],
    ['a schema that is none', { $schema: 1 }, '$schema must be a string, got 1'],
    ['a policy that is none', { policies: { a: null } }, 'policies.a must be an object with "use", got null'],
    [
      'an option beside a reference',
      { pipelines: { p: [{ ref: 'a', maxAttempts: 3 }] } },
      'pipelines.p[0].maxAttempts is not known beside a reference',
    ],
    [
      'a reference that is none',
      { pipelines: { p: [{ ref: 7 }] } },
      'pipelines.p[0].ref must be a non-empty string, got 7',
    ],
    [
      'a reference to nothing',
      { pipelines: { p: [{ ref: 'a' }] } },
      'pipelines.p[0].ref must be in "policies", which has none, got "a"',
    ],
    [
      'a function as such',
      { defaults: { retry: { isRetryable: () => true } } },
      'defaults.retry.isRetryable must be a function by name, { "$function": "..." }, got a function',
    ],
    [
      'more beside a function',
      { defaults: { retry: { classify: { $function: 'a', b: 1 } } } },
      'defaults.retry.classify.b is not known beside the name of a function',
    ],
  ])('(1) refuses %s', (_what, config, message) => {
    const found = problemsOf(() => configure(createRegistry(), config, { kinds }));

    expect(found).toContain(message);
  });

  it.each([
    ['parts that are none', { defaults: 7, policies: 8, pipelines: 9 }, ['defaults', 'policies', 'pipelines']],
    ['defaults that are none', { defaults: { retry: 7 } }, ['defaults.retry']],
    [
      'what has an empty name',
      { policies: { '': { use: 'x' } }, pipelines: { '': 7 } },
      ['policies[""]', 'pipelines[""]'],
    ],
    [
      'a word that is no function',
      { defaults: { retry: { isRetryable: { $function: 7 } } } },
      ['defaults.retry.isRetryable.$function'],
    ],
    [
      'a function for a number',
      { defaults: { retry: { maxAttempts: { $function: '7' } } } },
      ['defaults.retry.maxAttempts'],
    ],
  ])('(1) tells %s once', (_what, config, paths) => {
    const functions = { 7: () => true };
    const configuration = configure(createRegistry(), {}, { kinds, functions });

    expect(configuration.problemsOf(config).map(({ path }) => path)).toEqual(paths);
  });

  it('takes what is undefined for what is not there', () => {
    const config = {
      policies: { database: permits(5, { maxQueued: undefined }), cache: undefined },
      pipelines: { prices: [{ ref: 'database', name: undefined }], users: undefined },
    };

    expect(problemsOf(() => configure(createRegistry(), config, { kinds }))).toEqual([]);
  });

  it('(1) says it all in one message, and changes nothing', () => {
    const registry = createRegistry();
    const config = { pipelines: { prices: [limit(300), { use: 'retry', maxAttempts: 0 }], users: [{ use: 'x' }] } };

    expect(() => configure(registry, config, { kinds })).toThrow(
      [
        'the configuration has 2 problems',
        '  pipelines.prices[1].maxAttempts must be an integer from 1 to 100, got 0',
        '  pipelines.users[0].use must be one of bulkhead, retry, timeout, got "x"',
      ].join('\n'),
    );
    expect([...registry]).toEqual([]);
  });

  it('(1) refuses names that the registry gave to somebody else', () => {
    const registry = createRegistry();
    const own = registry.create(bulkhead, { name: 'prices' });
    registry.pipeline('prices', own);

    expect(problemsOf(() => configure(registry, { pipelines: { prices: [permits(3)] } }, { kinds }))).toEqual([
      'pipelines.prices[0] cannot be made: the registry has a bulkhead named "prices" already',
    ]);
    expect(problemsOf(() => configure(registry, { pipelines: { prices: [] } }, { kinds }))).toEqual([
      'pipelines.prices cannot be made: the registry has a pipeline named "prices" already',
    ]);
    expect(registry.get('bulkhead', 'prices')).toBe(own);
  });

  it('tells problems without changing anything', () => {
    const { configuration, prices, snapshotOf } = configured(permits(3));

    expect(configuration.problemsOf({ pipelines: { prices: [permits(0)] } })).toEqual([
      {
        path: 'pipelines.prices[0].maxConcurrent',
        message: expect.stringContaining('pipelines.prices[0].maxConcurrent must be'),
      },
    ]);
    expect(configuration.problemsOf({ pipelines: { prices: [permits(5)] } })).toEqual([]);
    expect(snapshotOf('prices').maxConcurrent).toBe(3);
    expect(configuration.pipeline('prices')).toBe(prices);
  });

  it('does not keep the objects that it is given', () => {
    const price = { use: 'bulkhead', maxConcurrent: 3 };
    const { update, snapshotOf } = configured(price);
    price.maxConcurrent = 7;
    update({ use: 'bulkhead', maxConcurrent: 3, maxQueued: 1 });

    expect(snapshotOf('prices').maxConcurrent).toBe(3);
  });

  it('tells warnings with the path of the configuration', () => {
    const { configuration } = configured(limit(300), limit(400, { name: 'inner' }));

    expect(configuration.warnings()).toMatchObject([{ code: 'LIMIT_SHADOWED', path: 'pipelines.prices[1]' }]);
  });

  it.each([
    ['no kinds', {}, 'configure.kinds must be an array of kinds of policies, got undefined'],
    ['a kind twice', { kinds: [retryKind, retryKind] }, 'configure.kinds has retry twice'],
    ['a function that is none', { kinds, functions: { f: 1 } }, 'configure.functions.f must be a function, got 1'],
    ['an unknown option', { kinds, kind: 1 }, 'configure has no option "kind"'],
  ])('refuses %s', (_what, options, message) => {
    expect(() => configure(createRegistry(), {}, options as never)).toThrow(message);
  });

  it('names the pipelines that there are', () => {
    const { configuration } = configured();
    configuration.update({ pipelines: { prices: [], stock: [] } });

    expect(() => configuration.pipeline('users')).toThrow('has no pipeline "users"; it has prices, stock');
  });
});

describe('configuration', () => {
  it('configure (3), charter O1: changes limits and keeps the state', async () => {
    const { update, snapshotOf, prices } = configured(permits(1));
    const calls = [1, 2].map(() => observe(prices.execute(() => new Promise(() => {}))));
    await settle();
    expect(calls.map((call) => call().status)).toEqual(['pending', 'rejected']);
    const [before] = prices.policies;

    update(permits(2));
    const third = observe(prices.execute(() => new Promise(() => {})));
    await settle();

    expect(prices.policies[0]).toBe(before);
    expect(third().status).toBe('pending');
    expect(snapshotOf('prices')).toMatchObject({ maxConcurrent: 2, running: 2, rejected: 1 });
  });

  it('configure (3): leaves the options alone that the configuration did not change', () => {
    const { registry, update, snapshotOf } = configured(permits(1, { maxQueued: 3 }));
    registry.update([{ kind: 'bulkhead', name: 'prices', changes: { maxConcurrent: 8 } }]);

    update(permits(1, { maxQueued: 4 }));
    expect(snapshotOf('prices')).toMatchObject({ maxConcurrent: 8, maxQueued: 4 });
    update(permits(2, { maxQueued: 4 }));
    expect(snapshotOf('prices')).toMatchObject({ maxConcurrent: 2, maxQueued: 4 });
  });

  it('configure (3): takes an option that is no longer set back to its default', () => {
    const { update, snapshotOf, registry } = configured(permits(1, { maxQueued: 3, enforcement: 'observe' }));

    update(permits(1));
    expect(snapshotOf('prices')).toMatchObject({ maxConcurrent: 1, maxQueued: 0 });
    expect((registry.get('bulkhead', 'prices') as ReturnType<typeof bulkhead>).describe().enforcement).toBe('enforce');
  });

  it('configure (2), (3): switches the list of policies for new calls, while calls under way finish as they began', async () => {
    const { clock, update, prices, registry } = configured(limit(100));
    const wrapped = prices.wrap(() => new Promise(() => {}));
    const early = observe(wrapped());

    update({ use: 'retry', maxAttempts: 2, baseDelayMs: 0 }, limit(200));
    const late = observe(wrapped());
    await clock.advance(100);
    expect([early().status, late().status]).toEqual(['rejected', 'pending']);
    await clock.advance(300);

    expect(late().status).toBe('rejected');
    expect(prices.calls).toEqual({ success: 0, failure: 2, rejected: 0, cancelled: 0, running: 0 });
    expect(registry.get('retry', 'prices')).toBe(prices.policies[0]);
  });

  it('configure (4): removes what is no longer asked for, and nothing else', async () => {
    const { registry, configuration, prices } = configured(permits(1), limit(100));
    const own = registry.create(bulkhead, { name: 'mine' });

    configuration.update({});
    expect([...registry]).toEqual([own]);
    await expect(prices.execute(() => 7)).resolves.toBe(7);
    expect(() => configuration.pipeline('prices')).toThrow(TypeError);
  });

  it('configure (1): a refused update changes nothing, not even what was right', () => {
    const { configuration, registry, prices, snapshotOf } = configured(permits(1), limit(100));
    const before = [...registry];

    const next = { pipelines: { prices: [permits(9), limit(-1)], users: [permits(3)] } };
    expect(problemsOf(() => configuration.update(next))).toHaveLength(1);

    expect([...registry]).toEqual(before);
    expect(snapshotOf('prices').maxConcurrent).toBe(1);
    expect(configuration.pipeline('prices')).toBe(prices);
  });

  it('keeps a policy that moves into "policies", and out of them', () => {
    const { configuration, prices, registry } = configured(permits(1, { name: 'database' }));
    const [before] = prices.policies;

    configuration.update({ policies: { database: permits(4) }, pipelines: { prices: [{ ref: 'database' }] } });
    expect(prices.policies).toEqual([before]);
    expect(registry.get('bulkhead', 'database')).toBe(before);
  });
});

describe('a kind of the user', () => {
  const sample = (create: PolicyKind['create'], defaults?: object): PolicyKind => ({
    kind: 'mine',
    rules: { size: integerFrom(1, 9) },
    required: [],
    create,
    ...(defaults === undefined ? {} : { defaults }),
  });
  const make = (kind: string, name: string, more: object = {}) =>
    Object.assign(createPolicy({ kind, name, layer: (inner) => inner }), more);
  const attempt = (kind: PolicyKind, ...configs: readonly object[]) => {
    const [first, ...rest] = configs.map((entry) => ({ pipelines: { p: [{ use: 'mine', ...entry }] } }));
    return problemsOf(() => {
      const configuration = configure(createRegistry(), first, { kinds: [kind] });
      for (const next of rest) configuration.update(next);
    });
  };

  it('may not be changeable', () => {
    const kind = sample(({ name }: { name: string }) => make('mine', name));

    expect(attempt(kind, { size: 1 }, { size: 1 })).toEqual([]);
    expect(attempt(kind, { size: 1 }, { size: 2 })).toEqual([
      'pipelines.p[0]: a mine cannot be changed while it runs; give it another name to replace it',
    ]);
  });

  it('is replaced where an option is left out that has no default, and keeps its state otherwise', () => {
    const changes: object[] = [];
    const planUpdate = (given: object) => () => void changes.push(given);
    const create = ({ name }: { name: string }) => make('mine', name, { planUpdate });

    expect(attempt(sample(create), { size: 1 }, {})).toEqual([]);
    expect(changes).toEqual([]);
    expect(attempt(sample(create, { size: 4 }), { size: 1 }, {})).toEqual([]);
    expect(changes).toEqual([{ size: 4 }]);
  });

  it.each([
    ['another kind', ({ name }: { name: string }) => make('yours', name), 'the kind mine made a yours named "p"'],
    ['another name', () => make('mine', 'x'), 'the kind mine made a mine named "x"'],
    [
      'another clock',
      ({ name }: { name: string }) =>
        createPolicy({ kind: 'mine', name, layer: (inner) => inner, clock: virtualClock() }),
      'the kind mine must use the clock that it is given',
    ],
    [
      'nothing but an error',
      () => {
        throw new Error('no file');
      },
      'no file',
    ],
  ])('is refused when it makes %s', (_what, create, message) => {
    expect(attempt(sample(create as never), {})).toEqual([`pipelines.p[0]: ${message}`]);
  });

  it('that throws where it must not keeps no other change back', async () => {
    const broken = () => () => {
      throw new Error('broken promise');
    };
    const kind = sample(({ name }: { name: string }) => make('mine', name, { planUpdate: broken }));
    const configuration = configure(
      createRegistry(),
      { pipelines: { p: [{ use: 'mine', size: 1 }, permits(1)] } },
      { kinds: [kind, bulkheadKind] },
    );
    const told: string[] = [];
    const before = onHookError(({ hook }) => told.push(hook));
    configuration.update({ pipelines: { p: [{ use: 'mine', size: 2 }, permits(2)] } });
    onHookError(before);

    const pair = [1, 2].map(() => configuration.pipeline('p').execute(() => Promise.resolve(7)));
    expect(told).toEqual(['planUpdate']);
    expect(await Promise.all(pair.map(settled))).toMatchObject([{ value: 7 }, { value: 7 }]);
  });
});
