/**
 * Layers: the policies of a pipeline in one row, outermost first, those of nested pipelines included, each with what surrounds
 * it. What warnings are decided from. Where a policy has alternatives, there is a row for each.
 *
 * @module
 */

import type { PolicyTraits } from '../kernel/description.ts';
import type { NamedPolicy, Policy } from '../kernel/policy.ts';
import { type PolicyTree, alternativesOf, describe, distinct, labelOf, policiesOf, traitsInForce } from './describe.ts';
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
  /**
   * Where it is: `prices[1]`, `prices[1][0]` in a nested pipeline, `prices[1]{hosts/a}` as an alternative; its name when it
   * stands alone.
   */
  readonly path: string;
  readonly label: string;
  /** What it does to calls; nothing unless it enforces. */
  readonly traits: PolicyTraits;
  /** The worst case of what is inside it, and with itself. */
  readonly inside: WorstCase;
  readonly worstCase: WorstCase;
  /** The shortest limit that policies outside it set to what reaches it. */
  readonly limitOutside: Limit;
}

/** Returns the layers of a policy or pipeline, outermost first: one row of them for each way that a call may go. */
export function rowsOf(policy: Policy<unknown>): readonly (readonly PlacedPolicy[])[] {
  const tree = describe(policy);
  const rows: PlacedPolicy[][] = [];
  const ways = { choice: 0, count: 1 };
  for (; ways.choice < ways.count; ways.choice++)
    rows.push(layersOf(placesOf({ policy, path: tree.name, tree }, ways)));
  return rows;
}

// --- internal ---

interface Place {
  readonly policy: Policy<unknown>;
  readonly path: string;
  readonly tree: PolicyTree;
}

/** Which alternative is taken everywhere, the last where there are fewer, and the most that there are in one place. */
interface Ways {
  readonly choice: number;
  count: number;
}

const noLimit: Limit = { ms: Infinity, label: '' };

function layersOf(places: readonly Place[]): PlacedPolicy[] {
  let limitOutside = noLimit;
  let isInRetry = false;
  return places.map(({ policy: own, path, tree: node }, index) => {
    const isChoice = places[index + 1]?.path.startsWith(`${path}{`) === true;
    const traits = isChoice ? { isShared: true } : traitsInForce(node, isInRetry);
    const label = labelOf(node);
    const inside = places[index + 1]?.tree.worstCase ?? operationAlone;
    const { worstCase } = node;
    const placed = { policy: own, path, label, traits, inside, worstCase, limitOutside };
    const reached = traits.detachesDeadline === true ? noLimit : limitOutside;
    limitOutside = shorter(reached, { ms: limitOf(traits), label });
    isInRetry ||= traits.marksTries === true;
    return placed;
  });
}

function placesOf(place: Place, ways: Ways): Place[] {
  const { policy, path, tree } = place;
  const policies = policiesOf(policy);
  if (policies !== undefined)
    return policies.flatMap((child, index) =>
      placesOf({ policy: child, path: `${path}[${index}]`, tree: tree.children[index] as PolicyTree }, ways),
    );
  if (tree.children.length === 0) return [place];
  const alternatives = distinct(alternativesOf(policy) ?? []);
  ways.count = Math.max(ways.count, alternatives.length);
  const chosen = Math.min(ways.choice, alternatives.length - 1);
  const [member, child] = [alternatives[chosen], tree.children[chosen]] as [NamedPolicy<unknown>, PolicyTree];
  return [place, ...placesOf({ policy: member, path: `${path}{${child.name}}`, tree: child }, ways)];
}

/** How long a policy lets what is inside it run, at most. */
function limitOf({ limitMs = Infinity, runLimitMs = Infinity }: PolicyTraits): number {
  return Math.min(limitMs, runLimitMs);
}

function shorter(one: Limit, other: Limit): Limit {
  return other.ms < one.ms ? other : one;
}
