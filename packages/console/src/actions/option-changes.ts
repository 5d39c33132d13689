/**
 * Option changes: options of policies that people change through the API while calls run: shown as a difference first, checked
 * by the policy itself, and undone on request.
 *
 * Invariants
 *  (1) What is refused changes nothing; a difference changes nothing.
 *  (2) A change can be undone where every option has something to go back to: the value before, or the default of its kind.
 *      Whether it can is said before it is made.
 *  (3) Undoing changes nothing where an option is no longer what the change made of it, or the policy is no longer there.
 *
 * @module
 */

import {
  type JsonSchema,
  type NamedPolicy,
  type PolicyDescription,
  type PolicyKind,
  type Registry,
  type Updatable,
  builtInKinds,
} from '@holdfast/core';

import { Problem } from '../api/problem.ts';
import { type CatalogueEntry, isStillIn, policiesOf } from '../policies/catalogue.ts';
import type { ActionTrail, Author, Deed, ShownAction, Undone } from './action-trail.ts';

/** One option that would be, or was, changed. An option that was not set has `null`. */
interface OptionDifference {
  readonly option: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What a change would do. */
export interface Difference {
  readonly differences: readonly OptionDifference[];
  readonly isUndoable: boolean;
}

/** An option that can be changed while calls run, for a form. */
export interface ChangeableOption {
  readonly option: string;
  /** Null where it is not set. */
  readonly value: unknown;
  /** The default of its kind; null where it has none. */
  readonly defaultValue: unknown;
  /** The end of the sentence "it must be ...". */
  readonly expectation: string;
  readonly schema: JsonSchema;
}

/** Changes of options through the API. */
export class OptionChanges {
  readonly #registry: Registry;
  readonly #trail: ActionTrail;

  constructor({ registry, trail }: { readonly registry: Registry; readonly trail: ActionTrail }) {
    this.#registry = registry;
    this.#trail = trail;
  }

  list(): readonly CatalogueEntry[] {
    return policiesOf(this.#registry);
  }

  /** Finds a policy. Throws a Problem where there is none of that id. */
  find(id: string): CatalogueEntry {
    const found = this.list().find((entry) => entry.id === id);
    if (found !== undefined) return found;
    const text = JSON.stringify(id.slice(0, 60));
    const hint = id.includes('/') ? '' : '; an id is kind/name, as circuit-breaker/prices';
    throw new Problem(404, `there is no policy ${text}${hint}`, { code: 'NOT_FOUND' });
  }

  /** Says what changes would do. Throws a Problem where the policy refuses them. */
  difference(id: string, changes: Changes): Difference {
    const { policy } = this.find(id);
    planOf(policy, changes); // (1): it is not applied
    return differenceOf(policy, changes);
  }

  /** Makes changes. Throws a Problem where the policy refuses them. */
  change(id: string, changes: Changes, author: Author): ShownAction {
    const entry = this.find(id);
    return this.#trail.add({ ...author, ...this.#kept(entry, apply(entry, changes)) });
  }

  /** The same, with an undo that looks first whether the policy is there still. */
  #kept(entry: CatalogueEntry, { deed, undo }: Applied): Undone {
    const guarded = (): Undone => {
      if (undo === undefined || !isStillIn(this.#registry, entry)) throw goneSince(entry); // (3)
      return this.#kept(entry, undo());
    };
    return { deed, undo: undo && guarded };
  }
}

/** The options that a policy lets be changed while calls run; empty where it lets none. */
export function changeableOptions(policy: NamedPolicy<unknown>): readonly ChangeableOption[] {
  const kind = kindOf(policy);
  if (kind === undefined || !isUpdatable(policy)) return [];
  const values = optionsOf(policy);
  const changeable: ChangeableOption[] = [];
  for (const [option, { schema, expectation }] of Object.entries(kind.rules)) {
    if (schema === undefined || !letsChange(policy, option)) continue;
    const [value, defaultValue] = [values[option], defaultOf(kind, option)].map((one) => shown(one));
    changeable.push({ option, value, defaultValue, expectation, schema });
  }
  return changeable;
}

// --- internal ---

type Changes = Readonly<Record<string, unknown>>;

interface Applied {
  readonly deed: Deed;
  readonly undo: (() => Applied) | undefined;
}

function apply(entry: CatalogueEntry, changes: Changes): Applied {
  const { id, policy } = entry;
  const make = planOf(policy, changes);
  const was = optionsOf(policy);
  make();
  const is = optionsOf(policy);
  const options = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((one) => !isSame(was[one], is[one]));
  const [before, after] = [was, is].map((values) =>
    Object.fromEntries(options.map((option) => [option, shown(values[option])])),
  );
  const deed: Deed = { kind: 'policy.changed', target: id, before, after };
  const made = Object.fromEntries(options.map((option) => [option, is[option]]));
  const back = backOf(policy, was, options);
  const isUndoable = options.length > 0 && Object.values(back).every((value) => value !== undefined); // (2)
  return { deed, undo: isUndoable ? () => backTo(entry, { back, was, made }) : undefined };
}

interface Way {
  /** What every changed option goes back to. */
  readonly back: Changes;
  /** The options as they were, without defaults. */
  readonly was: Changes;
  readonly made: Changes;
}

/** Undoes `made`: the options go back, unless somebody changed them since. */
function backTo(entry: CatalogueEntry, { back, was, made }: Way): Applied {
  const { id, policy } = entry;
  const now = optionsOf(policy);
  const other = Object.keys(made).find((option) => !isSame(now[option], made[option]));
  if (other !== undefined)
    throw new Problem(409, `${other} of ${id} was changed since`, { code: 'CHANGED_SINCE', field: other }); // (3)
  const given = Object.fromEntries(
    Object.keys(back).flatMap((one) => (was[one] === undefined ? [] : [[one, was[one]]])),
  );
  try {
    return apply(entry, back);
  } catch (error) {
    if (!(error instanceof Problem) || Object.keys(given).length === 0) throw error;
    return apply(entry, given); // a rule that was not set contradicts the one that takes its place again
  }
}

function goneSince({ id }: CatalogueEntry): Problem {
  return new Problem(409, `the policy that ${id} was is gone`, { code: 'CHANGED_SINCE' });
}

/** Checks changes; returns what makes them. Throws a Problem where the policy refuses them. */
function planOf(policy: NamedPolicy<unknown>, changes: Changes): () => void {
  if (!isUpdatable(policy))
    throw new Problem(409, `a ${policy.kind} cannot be changed while it runs`, { code: 'NOT_CHANGEABLE' });
  try {
    return policy.planUpdate({ ...changes });
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
    const { option } = error as { option?: unknown };
    const field = typeof option === 'string' ? option.split('.').at(-1) : undefined;
    throw new Problem(400, error.message, { code: 'INVALID_OPTIONS', field });
  }
}

function differenceOf(policy: NamedPolicy<unknown>, changes: Changes): Difference {
  const values = optionsOf(policy);
  const differences = Object.entries(changes)
    .filter(([option, to]) => !isSame(values[option], to))
    .map(([option, to]) => ({ option, from: shown(values[option]), to }));
  const isUndoable = Object.values(backOf(policy, values, Object.keys(changes))).every((value) => value !== undefined); // (2)
  return { differences, isUndoable };
}

/** The values that options go back to; undefined where there is nothing to go back to. */
function backOf(policy: NamedPolicy<unknown>, values: Changes, options: readonly string[]): Changes {
  const kind = kindOf(policy);
  return Object.fromEntries(
    options.map((option) => {
      const value = values[option] ?? defaultOf(kind, option);
      return [option, value === FUNCTION ? undefined : value];
    }),
  );
}

/** How a description shows an option that JSON cannot hold. */
const FUNCTION = '[function]';

function optionsOf(policy: NamedPolicy<unknown>): Changes {
  const { options, enforcement } =
    (policy as Partial<Updatable & { describe(): PolicyDescription }>).describe?.() ?? {};
  return { ...options, enforcement };
}

function kindOf({ kind }: NamedPolicy<unknown>): PolicyKind | undefined {
  return builtInKinds.find((known) => known.kind === kind);
}

function defaultOf(kind: PolicyKind | undefined, option: string): unknown {
  return (kind?.defaults as Changes | undefined)?.[option];
}

function isUpdatable(policy: object): policy is Updatable {
  return typeof (policy as Partial<Updatable>).planUpdate === 'function';
}

/** Whether a policy knows an option among those that can be changed: one that it does not know, it refuses by a TypeError. */
function letsChange(policy: Updatable, option: string): boolean {
  try {
    policy.planUpdate({ [option]: undefined });
    return true;
  } catch (error) {
    return !(error instanceof TypeError);
  }
}

function shown(value: unknown): unknown {
  return value === undefined || typeof value === 'function' || value === Infinity ? null : value;
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
