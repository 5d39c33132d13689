/**
 * Configure: policies and pipelines of a registry from data, such as a JSON file, checked as a whole and changed as a whole
 * while calls run.
 *
 * Use it where people change limits without a deployment, or where the same program runs with different numbers. Do not use it
 * for a handful of policies that never change: code says them shorter, and the compiler checks it.
 *
 * Invariants
 *  (1) All or nothing: a configuration with a problem changes nothing, and all its problems are told at once.
 *  (2) A pipeline that was handed out stays valid: after an update it runs new calls as the new configuration says.
 *  (3) A policy that is still asked for, by kind and name, keeps its state, unless no change leads to its new options: then a
 *      new one takes its place. Calls under way finish as they began.
 *  (4) Only what was configured here is changed or removed, and then disposed of; the rest of the registry is left alone.
 *
 * @module
 */

import type { PolicyKind } from '../kernel/description.ts';
import { ConfigError, isFunction, withKnown } from '../kernel/options.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import { type Warning, warnings } from '../inspection/warnings.ts';
import type { Registry } from '../registry/registry.ts';
import { type Vocabulary, readBlueprint } from './blueprint.ts';
import { type ConfigProblem, ConfigurationError } from './config-problem.ts';
import type { NamedFunctions } from './config-value.ts';
import { type Reconciliation, type Standing, nothingStanding, reconcile } from './reconciliation.ts';

/** Options of {@link configure}. */
export interface ConfigureOptions {
  /** The kinds of policies that the configuration may use; `builtInKinds` are all of ours. */
  readonly kinds: readonly PolicyKind[];
  /** The functions that the configuration may name, as `{ "$function": "isHttpRetryable" }`. */
  readonly functions?: NamedFunctions;
}

/** The policies and pipelines that one configuration has made. */
export interface Configuration {
  /**
   * Returns the pipeline called `name`. The compiler cannot read the configuration: `F` is what the policies may give in place
   * of the operation's value, `never` where there is no fallback.
   *
   * @throws TypeError when the configuration has no such pipeline.
   */
  pipeline<F = unknown>(name: string): Pipeline<F>;
  /**
   * Changes everything to what `config` says.
   *
   * @throws ConfigurationError when something is wrong with it; then nothing changes.
   * @throws TypeError from within an update, as by a call that starts because of one; then it changes nothing itself.
   */
  update(config: unknown): void;
  /** Returns what `update` would refuse about `config`, and changes nothing. */
  problemsOf(config: unknown): readonly ConfigProblem[];
  /** What is probably wrong with the pipelines as they are now. */
  warnings(): readonly Warning[];
}

/**
 * Makes the policies and pipelines that `config` asks for, and adds them to `registry`.
 *
 * @throws ConfigurationError from configure and update, when something is wrong with the configuration; then nothing changes.
 *
 * @example
 * ```ts
 * const configuration = configure(registry, JSON.parse(text), { kinds: builtInKinds });
 * const prices = configuration.pipeline<never>('prices');
 * ```
 */
export function configure(registry: Registry, config: unknown, options: ConfigureOptions): Configuration {
  const configuration = new RegistryConfiguration(registry, vocabularyOf(options));
  configuration.update(config);
  return configuration;
}

// --- internal ---

class RegistryConfiguration implements Configuration {
  readonly #registry: Registry;
  readonly #vocabulary: Vocabulary;
  #standing: Standing = nothingStanding;
  #isChanging = false;

  constructor(registry: Registry, vocabulary: Vocabulary) {
    this.#registry = registry;
    this.#vocabulary = vocabulary;
  }

  pipeline<F>(name: string): Pipeline<F> {
    const { pipelines } = this.#standing;
    const found = pipelines.get(name);
    if (found !== undefined) return found as unknown as Pipeline<F>;
    throw new TypeError(`the configuration has no pipeline "${name}"; it has ${[...pipelines.keys()].join(', ')}`);
  }

  update(config: unknown): void {
    if (this.#isChanging) throw new TypeError('the configuration is being changed: update it again after that');
    const plan = this.#plan(config);
    if (plan.problems.length > 0) {
      plan.discard();
      throw new ConfigurationError(plan.problems); // (1)
    }
    this.#isChanging = true;
    try {
      this.#standing = plan.apply();
    } finally {
      this.#isChanging = false;
    }
  }

  problemsOf(config: unknown): readonly ConfigProblem[] {
    const plan = this.#plan(config);
    plan.discard();
    return plan.problems;
  }

  warnings(): readonly Warning[] {
    const { pipelines } = this.#standing;
    return [...pipelines.values()].flatMap((pipeline) =>
      warnings(pipeline).map((warning) => ({ ...warning, path: `pipelines.${warning.path}` })),
    );
  }

  /** Everything that is wrong, that of the policies included that can be made although others cannot. */
  #plan(config: unknown): Reconciliation {
    const blueprint = readBlueprint(config, this.#vocabulary);
    const plan = reconcile(this.#registry, this.#standing, blueprint);
    const problems = [...blueprint.shapeProblems, ...blueprint.referenceProblems, ...plan.problems];
    return { problems, apply: () => plan.apply(), discard: () => plan.discard() };
  }
}

function vocabularyOf(options: ConfigureOptions): Vocabulary {
  const { kinds, functions } = withKnown('configure', { functions: {} }, options, ['kinds']);
  if (!Array.isArray(kinds)) throw new ConfigError('configure.kinds', 'an array of kinds of policies', kinds);
  for (const [name, value] of Object.entries(functions)) isFunction(`configure.functions.${name}`, value);
  const bySlug = new Map<string, PolicyKind>();
  for (const kind of kinds as readonly PolicyKind[]) {
    if (bySlug.has(kind.kind)) throw new TypeError(`configure.kinds has ${kind.kind} twice`);
    bySlug.set(kind.kind, kind);
  }
  return { kinds: bySlug, functions };
}
