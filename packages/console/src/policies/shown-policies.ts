/**
 * Shown policies: policies and pipelines as the API shows them. Of a list, one that cannot be read spoils no other.
 *
 * @module
 */

import {
  type Pipeline,
  type PolicyTree,
  type Registry,
  type Updatable,
  describe,
  draw,
  warnings,
} from '@holdfast/core';

import { changeableOptions } from '../actions/option-changes.ts';
import { readOr } from '../failure.ts';
import { type CatalogueEntry, policiesOf } from './catalogue.ts';

/** Policies in a list; the enforcement of what cannot be read is `unreadable`. */
export function summariesOf(registry: Registry, entries: readonly CatalogueEntry[]): readonly object[] {
  return entries.map((entry) => {
    const { id, kind, name, within } = entry;
    const unreadable = { id, kind, name, within, enforcement: 'unreadable', isChangeable: false };
    return readOr<object, object>(
      registry,
      () => summaryOf(entry),
      () => unreadable,
    );
  });
}

/** A policy in a list. */
function summaryOf({ id, kind, name, within, policy }: CatalogueEntry): object {
  const { enforcement } = describe(policy);
  const isChangeable = typeof (policy as Partial<Updatable>).planUpdate === 'function';
  return { id, kind, name, within, enforcement, isChangeable };
}

/** A policy by itself: its options, which of them can be changed, and what it has counted. */
export function detailOf(entry: CatalogueEntry): object {
  const { policy } = entry;
  const { snapshot } = policy as { snapshot?: unknown };
  return {
    ...summaryOf(entry),
    options: describe(policy).options,
    changeable: changeableOptions(policy),
    snapshot: typeof snapshot === 'function' ? (snapshot.call(policy) as unknown) : undefined,
  };
}

/** All pipelines, and the ids of those that cannot be read. */
export function pipelinesOf(registry: Registry): {
  readonly pipelines: readonly object[];
  readonly unreadable: readonly string[];
} {
  const entries = policiesOf(registry);
  const idOf = idsOf(entries);
  const read = entries.filter(isPipeline).map((entry) =>
    readOr<object, string>(
      registry,
      () => pipelineOf(entry, idOf),
      () => entry.id,
    ),
  );
  return {
    pipelines: read.filter((one) => typeof one === 'object'),
    unreadable: read.filter((one) => typeof one === 'string'),
  };
}

/** The pipeline of a name or an id; undefined where there is none. */
export function findPipeline(registry: Registry, name: string): object | undefined {
  const entries = policiesOf(registry);
  const pipelines = entries.filter(isPipeline);
  const entry = pipelines.find((one) => one.name === name) ?? pipelines.find(({ id }) => id === name);
  return entry && pipelineOf(entry, idsOf(entries));
}

// --- internal ---

type Ids = ReadonlyMap<object, string>;

function idsOf(entries: readonly CatalogueEntry[]): Ids {
  return new Map(entries.map(({ policy, id }) => [policy, id]));
}

function isPipeline({ kind }: CatalogueEntry): boolean {
  return kind === 'pipeline';
}

function pipelineOf({ id, name, policy }: CatalogueEntry, idOf: Ids): object {
  const tree = describe(policy);
  const { policies, worstCase } = nodeOf(policy, tree, idOf);
  return {
    id,
    name,
    calls: (policy as Pipeline<unknown>).calls,
    worstCase,
    warnings: warnings(policy),
    policies,
    drawing: draw(tree),
  };
}

interface ShownNode {
  readonly id: string | undefined;
  readonly kind: string;
  readonly name: string;
  readonly enforcement: string;
  readonly options: object;
  readonly worstCase: object;
  readonly policies: readonly ShownNode[];
}

/** A policy of a tree with its id; of a choice, only those are in the tree that differ, and those have no id. */
function nodeOf(policy: object | undefined, tree: PolicyTree, idOf: Ids): ShownNode {
  const { kind, name, enforcement, options, children, worstCase } = tree;
  const members = kind === 'pipeline' && policy !== undefined ? (policy as Pipeline<unknown>).policies : [];
  const policies = children.map((child, index) => nodeOf(members[index], child, idOf));
  return { id: policy && idOf.get(policy), kind, name, enforcement, options, worstCase, policies };
}
