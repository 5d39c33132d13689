/**
 * Reconciliation: from the policies that there are to those that a configuration asks for.
 *
 *   blueprint ─► plan: create, check changes, compose ── problem ─► nothing has happened
 *                  └── none ─► apply: change, add, switch, remove; that cannot fail
 *
 * Invariants
 *  (1) Until everything has been checked, nothing changes that anybody can observe.
 *  (2) A policy with the same kind and name is the same policy: it gets changes, and keeps its state. Where no change leads to
 *      what is asked for, since an option has no default to go back to or does not go with what was set before, a new one takes
 *      its place.
 *  (3) Only options that the configuration changed are changed: what `update` did to others stays.
 *  (4) A policy that is removed or replaced is disposed of, where it can be, after all changes: it does nothing by itself then.
 *  (5) What was made for a plan that is not applied, or to be asked for its defaults, is disposed of: it belongs to no fleet.
 *
 * @module
 */

import type { Describable, Updatable } from '../kernel/description.ts';
import { ConfigError } from '../kernel/options.ts';
import { type Pipeline, pipeline } from '../kernel/pipeline.ts';
import type { LayeredPolicy, NamedPolicy } from '../kernel/policy.ts';
import type { Registry } from '../registry/registry.ts';
import { takeSteps } from '../registry/steps.ts';
import { type Blueprint, type PlannedPipeline, type PlannedPolicy, keyOf } from './blueprint.ts';
import { type ConfigProblem, problemAt, refusalAt } from './config-problem.ts';
import { isSameValue } from './config-value.ts';
import { SwitchablePipeline } from './switchable-pipeline.ts';

/** A policy that a configuration has made, and what it was asked to be. */
interface StandingPolicy {
  readonly planned: PlannedPolicy;
  readonly policy: NamedPolicy<unknown>;
}

/** What a configuration has made. */
export interface Standing {
  readonly policies: ReadonlyMap<string, StandingPolicy>;
  readonly pipelines: ReadonlyMap<string, SwitchablePipeline>;
}

/** What a configuration would make, and what stands against it. */
export interface Reconciliation {
  readonly problems: readonly ConfigProblem[];
  /** Makes it so, and returns what stands then. Only where there are no problems. Never throws. */
  apply(): Standing;
  /** Disposes of what was made for a plan that is not applied. Never throws. */
  discard(): void;
}

/** What stands before anything was configured. */
export const nothingStanding: Standing = Object.freeze({ policies: new Map(), pipelines: new Map() });

/** Plans the way from what stands to what `blueprint` asks for. */
export function reconcile(registry: Registry, standing: Standing, blueprint: Blueprint): Reconciliation {
  return new Plan(registry, standing).make(blueprint);
}

// --- internal ---

class Plan implements Reconciliation {
  readonly problems: ConfigProblem[] = [];
  private readonly registry: Registry;
  private readonly before: Standing;
  private readonly policies = new Map<string, StandingPolicy>();
  private readonly pipelines = new Map<string, SwitchablePipeline>();
  private readonly steps: (() => void)[] = [];
  private readonly lastSteps: (() => void)[] = [];
  private readonly made: NamedPolicy<unknown>[] = [];

  constructor(registry: Registry, before: Standing) {
    this.registry = registry;
    this.before = before;
  }

  make({ policies, pipelines }: Blueprint): Reconciliation {
    for (const planned of policies) this.planPolicy(planned);
    for (const planned of pipelines) this.planPipeline(planned);
    const { policies: policiesBefore, pipelines: pipelinesBefore } = this.before;
    for (const [key, { policy }] of policiesBefore) if (!this.policies.has(key)) this.planRemoval(policy);
    for (const [name, handle] of pipelinesBefore) if (!this.pipelines.has(name)) this.planRemoval(handle);
    return this;
  }

  apply(): Standing {
    takeSteps([...this.steps, ...this.lastSteps]);
    return { policies: this.policies, pipelines: this.pipelines };
  }

  discard(): void {
    takeSteps(this.made.map((policy) => () => disposeOf(policy))); // (5)
  }

  private planPolicy(planned: PlannedPolicy): void {
    const key = keyOf(planned);
    const standing = this.before.policies.get(key);
    try {
      const policy = standing === undefined ? this.create(planned) : this.planChanges(standing, planned); // (2)
      if (policy !== undefined) this.policies.set(key, { planned, policy });
    } catch (error) {
      this.problems.push(refusalAt(planned.path, error));
    }
  }

  private create(planned: PlannedPolicy): NamedPolicy<unknown> | undefined {
    const { path, kind, name } = planned;
    if (this.registry.get(kind.kind, name) !== undefined) {
      this.problems.push(problemAt(path, `cannot be made: the registry has a ${kind.kind} named "${name}" already`));
      return undefined;
    }
    const policy = this.fresh(planned);
    this.steps.push(() => this.registry.add(policy));
    return policy;
  }

  private fresh({ kind, name, options }: PlannedPolicy): NamedPolicy<unknown> {
    const { ports } = this.registry;
    const factory = kind as { create(given: object): NamedPolicy<unknown> };
    const policy = factory.create({ ...options, name, ...ports });
    this.made.push(policy);
    if (policy.kind !== kind.kind || policy.name !== name)
      throw new TypeError(`the kind ${kind.kind} made a ${policy.kind} named "${policy.name}"`);
    const { clock } = policy as Partial<LayeredPolicy<unknown>>;
    if (clock !== undefined && clock !== ports.clock)
      throw new TypeError(`the kind ${kind.kind} must use the clock that it is given`);
    return policy;
  }

  private planChanges({ planned: before, policy }: StandingPolicy, planned: PlannedPolicy): NamedPolicy<unknown> {
    const changes = this.changesFrom(before, planned);
    if (changes === undefined) return this.replace(policy, planned); // (2)
    if (Object.keys(changes).length === 0) return policy; // (3)
    if (!isUpdatable(policy))
      throw new TypeError(`a ${policy.kind} cannot be changed while it runs; give it another name to replace it`);
    try {
      this.steps.push(policy.planUpdate(changes)); // (1)
      return policy;
    } catch (error) {
      if (error instanceof ConfigError) return this.replace(policy, planned); // (2): or what a new one says is wrong
      throw error;
    }
  }

  private replace(policy: NamedPolicy<unknown>, planned: PlannedPolicy): NamedPolicy<unknown> {
    const next = this.fresh(planned);
    this.planRemoval(policy);
    this.steps.push(() => this.registry.add(next));
    return next;
  }

  /**
   * The options of `after` that differ; those that are no longer set go back to their defaults, and defaults follow what they
   * are derived from. Undefined where an option has no default.
   */
  private changesFrom(before: PlannedPolicy, after: PlannedPolicy): Record<string, unknown> | undefined {
    const [given, next] = [plainOptions(before), plainOptions(after)];
    const options = new Set([...Object.keys(given), ...Object.keys(next)]);
    const other = [...options].filter((option) => !isSameValue(given[option], next[option]));
    const changes: Record<string, unknown> = Object.fromEntries(other.map((option) => [option, next[option]]));
    const derived = Object.keys(after.kind.rules).filter((option) => !Object.hasOwn(next, option));
    if (other.length === 0 || derived.length === 0) return changes;
    const [was, is] = [this.toldBy(before), this.toldBy(after)];
    for (const option of derived) {
      if (is[option] === undefined && other.includes(option)) return undefined;
      if (is[option] !== undefined && (other.includes(option) || !isSameValue(was[option], is[option])))
        changes[option] = is[option];
    }
    return changes;
  }

  /** The options that a fresh policy says that it has. */
  private toldBy(planned: PlannedPolicy): Readonly<Record<string, unknown>> {
    const asked = this.fresh(planned);
    const told = (asked as Partial<Describable>).describe?.();
    this.made.pop();
    takeSteps([() => disposeOf(asked)]); // (5)
    return { ...told?.options, enforcement: told?.enforcement };
  }

  private planPipeline({ path, name, policies }: PlannedPipeline): void {
    const members = policies.map((planned) => this.policies.get(keyOf(planned))?.policy);
    const known = members.filter((member) => member !== undefined);
    const handle = this.before.pipelines.get(name);
    if (known.length < members.length) return; // told where the policy is
    if (handle === undefined && this.registry.get('pipeline', name) !== undefined)
      this.problems.push(problemAt(path, `cannot be made: the registry has a pipeline named "${name}" already`));
    else this.planComposition(name, known, handle);
  }

  private planComposition(
    name: string,
    policies: readonly NamedPolicy<unknown>[],
    handle: SwitchablePipeline | undefined,
  ): void {
    const compose = (): Pipeline<unknown> => pipeline({ name }, ...policies);
    if (handle === undefined) {
      const added = new SwitchablePipeline(compose(), this.registry.clock);
      this.pipelines.set(name, added);
      this.steps.push(() => this.registry.add(added));
      return;
    }
    this.pipelines.set(name, handle);
    if (isSameList(handle.policies, policies)) return;
    const next = compose();
    this.steps.push(() => handle.switchTo(next));
  }

  private planRemoval(policy: NamedPolicy<unknown>): void {
    this.steps.push(() => this.registry.remove(policy));
    this.lastSteps.push(() => disposeOf(policy)); // (4)
  }
}

function disposeOf(policy: object): void {
  (policy as Partial<Disposable>)[Symbol.dispose]?.();
}

/** The options that are given, or have a default of their own. */
function plainOptions({ kind, options }: PlannedPolicy): Readonly<Record<string, unknown>> {
  return { ...kind.defaults, ...options };
}

function isUpdatable(policy: object): policy is Updatable {
  return typeof (policy as Partial<Updatable>).planUpdate === 'function';
}

function isSameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}
