/**
 * Layers: the policies of a pipeline in one row, outermost first, those of nested pipelines included, each with what surrounds
 * it. What warnings are decided from.
 *
 * @module
 */

import type { PolicyTraits } from '../kernel/description.ts';
import type { Policy } from '../kernel/policy.ts';
import { type PolicyTree, describe, labelOf, policiesOf, traitsInForce } from './describe.ts';
import { type WorstCase, operationAlone } from './worst-case.ts';

/** A limit of time, and whose it is. */
export interface Limit {
  /** Milliseconds; Infinity where there is none. */
  readonly ms: number;
  /** The policy that sets it, as people read it. */
  readonly label: string;
}

/** One policy among others. */
export interface PlacedPolicy {
  readonly policy: Policy<unknown>;
  /** Where it is: `prices[1]`, `prices[1][0]` in a nested pipeline; its name when it stands alone. */
  readonly path: string;
  readonly label: string;
  readonly isOpaque: boolean;
  /** What it does to calls; nothing unless it enforces. */
  readonly traits: PolicyTraits;
  /** The worst case of what is inside it, and with itself. */
  readonly inside: WorstCase;
  readonly worstCase: WorstCase;
  /** The shortest limit that policies outside it set to a call that reaches it. */
  readonly limitOutside: Limit;
}

/** Returns the layers of a policy or pipeline, outermost first. */
export function layersOf(policy: Policy<unknown>): PlacedPolicy[] {
  const tree = describe(policy);
  const places = placesOf(policy, tree, tree.name);
  let limitOutside: Limit = { ms: Infinity, label: '' };
  let isInRetry = false;
  return places.map(({ policy: own, path, tree: node }, index) => {
    const [traits, label] = [traitsInForce(node, isInRetry), labelOf(node)];
    const inside = places[index + 1]?.tree.worstCase ?? operationAlone;
    const { isOpaque, worstCase } = node;
    const placed = { policy: own, path, label, isOpaque, traits, inside, worstCase, limitOutside };
    limitOutside = shorter(limitOutside, { ms: limitOf(traits), label });
    isInRetry ||= traits.marksTries === true;
    return placed;
  });
}

// --- internal ---

interface Place {
  readonly policy: Policy<unknown>;
  readonly path: string;
  readonly tree: PolicyTree;
}

function placesOf(policy: Policy<unknown>, tree: PolicyTree, path: string): Place[] {
  const policies = policiesOf(policy);
  if (policies === undefined) return [{ policy, path, tree }];
  return policies.flatMap((child, index) => placesOf(child, tree.children[index] as PolicyTree, `${path}[${index}]`));
}

/** How long a policy lets what is inside it run, at most. */
function limitOf({ limitMs = Infinity, runLimitMs = Infinity }: PolicyTraits): number {
  return Math.min(limitMs, runLimitMs);
}

function shorter(one: Limit, other: Limit): Limit {
  return other.ms < one.ms ? other : one;
}
