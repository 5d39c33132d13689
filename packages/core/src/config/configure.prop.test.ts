/**
 * Configuration over random configs: the schema and our own check agree; a refused update leaves no trace; an accepted one comes
 * to what a fresh start comes to.
 *
 * @module
 */

import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { PolicyKind } from '../kernel/description.ts';
import { pipeline } from '../kernel/pipeline.ts';
import { describe as describePolicy } from '../inspection/describe.ts';
import { createRegistry } from '../registry/registry.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { optionNames, readBlueprint, ruleOf } from './blueprint.ts';
import { builtInKinds } from './built-in-kinds.ts';
import { ConfigurationError } from './config-problem.ts';
import { configSchema } from './config-schema.ts';
import { readValue } from './config-value.ts';
import { type Configuration, configure } from './configure.ts';

const functions = { f: () => true, g: () => 7 };
const validate = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: false }).compile(
  configSchema({ kinds: builtInKinds, functionNames: Object.keys(functions) }),
);
const vocabulary = { kinds: new Map(builtInKinds.map((kind) => [kind.kind, kind])), functions };

/** Values at, around and far from what options may be. */
const samples: readonly unknown[] = [
  -1,
  0,
  0.5,
  1,
  1.5,
  2,
  3,
  10,
  100,
  101,
  1000,
  60_000,
  60_001,
  1e6,
  1e9,
  1e16,
  true,
  false,
  null,
  '',
  'x',
  'enforce',
  'observe',
  'off',
  'fixed',
  'full-jitter',
  'retry',
  'fifo',
  'lifo',
  [],
  [1],
  {},
  { $function: 'f' },
  { $function: 'h' },
  { $function: 1 },
  { $function: 'g', more: 1 },
  { kind: 'count', size: 10 },
  { kind: 'time', durationMs: 1000 },
  { kind: 'consecutive', size: 3 },
  { kind: 'x' },
  { quantile: 0.9, maxMs: 100 },
  [{ kind: 'fault', ratio: 0.5 }],
  { kind: 'count', size: 10, more: 1 },
];
const arbitraryValue = fc.constantFrom(...samples);
/** Mostly of the first, so that whole configs are right often enough. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: wrong });

const fittingSamples = (kind: PolicyKind, name: string): readonly unknown[] =>
  samples.filter((value) => readValue('', ruleOf(kind, name), value, functions).problem === undefined);

const arbitraryOption = (kind: PolicyKind, name: string): fc.Arbitrary<[string, unknown]> => {
  const fitting = optionNames(kind).includes(name) ? fittingSamples(kind, name) : [];
  const value = fitting.length === 0 ? arbitraryValue : mostly(fc.constantFrom(...fitting), arbitraryValue);
  return fc.tuple(fc.constant(name), value);
};

const arbitraryOptions = (kind: PolicyKind, isDefault: boolean): fc.Arbitrary<Record<string, unknown>> => {
  const unset = ['name', ...kind.required];
  const known = optionNames(kind).filter((name) => !isDefault || !unset.includes(name));
  const option = mostly(fc.constantFrom(...known), fc.constantFrom(...unset, 'budget', 'x')).chain((name) =>
    arbitraryOption(kind, name),
  );
  const required = fc.tuple(...(isDefault ? [] : kind.required).map((name) => arbitraryOption(kind, name)));
  return fc
    .tuple(mostly<[string, unknown][]>(required, fc.constant([])), fc.array(option, { maxLength: 3 }))
    .map(([must, may]) => Object.fromEntries([...may, ...must]));
};

const arbitraryKind = fc.constantFrom(...builtInKinds);
const arbitraryEntry: fc.Arbitrary<unknown> = arbitraryKind.chain((kind) =>
  fc
    .record({ use: mostly(fc.constant(kind.kind), fc.constant('unknown')), options: arbitraryOptions(kind, false) })
    .map(({ use, options }) => ({ use, ...options })),
);
const arbitraryReference = fc.constantFrom({ ref: 'a' }, { ref: '' }, { ref: 'a', use: 'retry' }, { ref: 7 }, {}, 7);
const arbitraryMember = mostly(arbitraryEntry, arbitraryReference);
const arbitraryName = mostly(fc.constantFrom('a', 'b', 'b c'), fc.constant(''));
const arbitraryDefaults = arbitraryKind.chain((kind) =>
  arbitraryOptions(kind, true).map((options) => ({ [kind.kind]: options })),
);
const arbitraryAnyConfig = mostly<unknown>(
  fc.record(
    {
      $schema: mostly<unknown>(fc.constant('x'), fc.constant(1)),
      defaults: mostly<unknown>(arbitraryDefaults, arbitraryValue),
      policies: fc.dictionary(arbitraryName, arbitraryEntry, { maxKeys: 2 }),
      pipelines: fc.dictionary(arbitraryName, fc.array(arbitraryMember, { maxLength: 2 }), { maxKeys: 2 }),
    },
    { requiredKeys: [] },
  ),
  fc.oneof(arbitraryValue, fc.constant({ other: 1 })),
);

// --- configs of three kinds, mostly right, for updates ---

const arbitraryPolicy = fc.oneof(
  fc.record({ use: fc.constant('timeout'), timeoutMs: fc.integer({ min: 1, max: 9 }) }),
  fc.record(
    {
      use: fc.constant('retry'),
      maxAttempts: fc.integer({ min: 1, max: 5 }),
      whenNested: fc.constantFrom('retry', 'try-once'),
    },
    { requiredKeys: ['use'] },
  ),
  fc.record(
    {
      use: fc.constant('bulkhead'),
      maxConcurrent: fc.integer({ min: 1, max: 5 }),
      maxQueued: fc.integer({ min: 0, max: 5 }),
    },
    { requiredKeys: ['use', 'maxConcurrent'] },
  ),
);
const arbitraryConfig = fc.record({
  defaults: fc.record({ bulkhead: fc.record({ maxQueued: fc.constantFrom(0, 9) }) }, { requiredKeys: [] }),
  policies: fc.dictionary(fc.constantFrom('a', 'b'), arbitraryPolicy, { maxKeys: 2 }),
  pipelines: fc.dictionary(
    fc.constantFrom('p', 'q', 'r'),
    fc.uniqueArray(arbitraryPolicy, { maxLength: 3, selector: ({ use }) => use }),
    {
      maxKeys: 3,
    },
  ),
});
const arbitraryMistake = fc.constantFrom<object>(
  { use: 'retry', name: 'wrong', maxAttempts: 0 },
  { use: 'retry', name: 'wrong', baseDelayMs: 500, maxDelayMs: 100 },
  { use: 'bulkhead', name: 'taken', maxConcurrent: 1 },
  { ref: 'nothing' },
  { use: 'timeout', name: 'wrong' },
);

/** One policy of any kind, with other options each time. */
const arbitrarySwap = arbitraryKind.chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    steps: fc.array(
      arbitraryOptions(kind, false).map((options) =>
        Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'name')),
      ),
      { minLength: 2, maxLength: 6 },
    ),
  }),
);

/** Everything that can be seen of a registry and of the pipelines that were handed out before. */
function visible(registry: Iterable<unknown>, handles: Iterable<unknown>): unknown {
  return [...registry, ...handles].map((policy) => {
    const shown = policy as { snapshot?(): unknown; policies?: unknown; calls?: unknown };
    const { policies, calls } = shown;
    return { policy, told: describePolicy(policy as never), seen: shown.snapshot?.(), policies, calls };
  });
}

const pipelineNames = ['p', 'q', 'r'];
const handlesOf = (configuration: Configuration) =>
  pipelineNames.flatMap((name) => {
    try {
      return [configuration.pipeline(name)];
    } catch {
      return [];
    }
  });

/** All that `configure` finds wrong with a config. */
function problemsOf(config: unknown): readonly string[] {
  try {
    configure(createRegistry(), config, { kinds: builtInKinds, functions });
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems.map(({ message }) => message);
    throw error;
  }
}

/** The same, with a use of each default: what nobody uses is checked by itself only. */
function problemsWithUses(config: unknown): readonly unknown[] {
  const { defaults } = Object(config) as { readonly defaults?: unknown };
  const used = Object.keys(Object(defaults) as object).flatMap((slug) => {
    const kind = vocabulary.kinds.get(slug);
    const required = kind?.required.map((option) => [option, fittingSamples(kind, option)[0]]) ?? [];
    return kind === undefined ? [] : [[slug, { use: slug, ...Object.fromEntries(required) }]];
  });
  return [...problemsOf(config), ...problemsOf({ defaults, policies: Object.fromEntries(used) })];
}

describe('config schema', () => {
  it('(1), blueprint (2): accepts what is well shaped, and refuses nothing that configure takes', () => {
    const seen = { right: 0, wrong: 0 };
    fc.assert(
      fc.property(arbitraryAnyConfig, (config) => {
        const isValid = validate(config);
        const problems = isValid ? readBlueprint(config, vocabulary).shapeProblems : problemsWithUses(config);
        seen[isValid ? 'right' : 'wrong']++;

        expect({ isValid, hasProblems: problems.length > 0, problems }).toMatchObject({
          isValid,
          hasProblems: !isValid,
        });
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(seen.right, seen.wrong)).toBeGreaterThan(150);
  }, 30_000);
});

describe('configure', () => {
  it('(1), reconciliation (1): a refused update leaves no trace', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryConfig, arbitraryConfig, arbitraryMistake, async (first, next, mistake) => {
        const registry = createRegistry({ clock: virtualClock() });
        registry.add(Object.assign(pipeline({ name: 'taken' }), { kind: 'bulkhead' }));
        const configuration = configure(registry, first, { kinds: builtInKinds, functions });
        const handles = handlesOf(configuration);
        for (const handle of handles) void handle.execute(() => new Promise(() => {})).catch(() => {});
        await Promise.resolve();
        const before = visible(registry, handles);

        const wrong = { ...next, pipelines: { ...next.pipelines, p: [...(next.pipelines['p'] ?? []), mistake] } };
        expect(() => configuration.update(wrong)).toThrow(ConfigurationError);

        expect(visible(registry, handles)).toEqual(before);
        expect(handlesOf(configuration)).toEqual(handles);
      }),
      { numRuns: 300 },
    );
  });

  it('(2), (3), reconciliation (2): an accepted update comes to what a fresh start comes to', () => {
    fc.assert(
      fc.property(fc.array(arbitraryConfig, { minLength: 2, maxLength: 5 }), (configs) => {
        const options = { kinds: builtInKinds, functions };
        const [registry, fresh] = [createRegistry(), createRegistry()];
        const configuration = configure(registry, configs[0], options);
        const early = new Map(handlesOf(configuration).map((handle) => [handle.name, handle]));
        for (const config of configs) configuration.update(config);
        configure(fresh, configs.at(-1), options);

        const drawn = (from: Iterable<unknown>) =>
          [...from].map((policy) => JSON.stringify(describePolicy(policy as never))).toSorted();
        expect(drawn(registry)).toEqual(drawn(fresh));
        for (const [name, handle] of early) {
          const stayed = configs.every(({ pipelines }) => Object.hasOwn(pipelines, name));
          if (stayed) expect(configuration.pipeline(name)).toBe(handle);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('(3), reconciliation (2): swaps of options come to what a fresh start comes to, for each kind', () => {
    const seen = { kept: 0, replaced: 0 };
    fc.assert(
      fc.property(arbitrarySwap, ({ kind, steps }) => {
        const options = { kinds: builtInKinds, functions };
        const configOf = (step: object) => ({ policies: { a: { use: kind.kind, ...step } } });
        const right = steps.filter((step) => problemsOf(configOf(step)).length === 0);
        fc.pre(right.length > 1);
        const [registry, fresh] = [createRegistry(), createRegistry()];
        const configuration = configure(registry, configOf(right[0] as object), options);
        const first = registry.get(kind.kind, 'a');
        for (const step of right.slice(1)) {
          const [problem] = configuration.problemsOf(configOf(step));
          fc.pre(problem === undefined || !/update has no option/.test(problem.message)); // fixed for life: told so
          configuration.update(configOf(step));
        }
        configure(fresh, configOf(right.at(-1) as object), options);
        seen[registry.get(kind.kind, 'a') === first ? 'kept' : 'replaced']++;

        expect(describePolicy(registry.get(kind.kind, 'a') as never)).toEqual(
          describePolicy(fresh.get(kind.kind, 'a') as never),
        );
      }),
      { numRuns: 500 },
    );
    expect(Math.min(seen.kept, seen.replaced)).toBeGreaterThan(10);
  }, 30_000);

  it('blueprint (1), (3): tells as many problems as were planted', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), (count) => {
        const wrong = Array.from({ length: count }, (_, index) => ({
          use: 'retry',
          name: `n${index}`,
          maxAttempts: 0,
        }));
        const { shapeProblems } = readBlueprint({ pipelines: { p: wrong, q: [{ use: 'x' }] } }, vocabulary);

        expect(shapeProblems).toHaveLength(count + 1);
      }),
    );
  });
});
