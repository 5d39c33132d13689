/**
 * Shown policies: policies and pipelines as the API shows them.
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
import { type CatalogueEntry, policiesOf } from './catalogue.ts';

/** A policy in a list. */
export function summaryOf({ id, kind, name, within, policy }: CatalogueEntry): object {
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

/** All pipelines. */
export function pipelinesOf(registry: Registry): readonly object[] {
  const entries = policiesOf(registry);
  const idOf = new Map(entries.map(({ policy, id }) => [policy as object, id]));
  return entries.filter(({ kind }) => kind === 'pipeline').map((entry) => pipelineOf(entry, idOf));
}

// --- internal ---

type Ids = ReadonlyMap<object, string>;

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
