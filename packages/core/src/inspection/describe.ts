/**
 * Describe: a policy or pipeline as a tree of data, with the options in force and the worst case of a call; and that tree as
 * text.
 *
 * Invariants
 *  (1) Describing changes nothing, and knows no kind of policy but the pipeline: everything comes from `describe` of the
 *      policies themselves.
 *  (2) A policy that does not describe itself is in the tree, and opaque.
 *  (3) Of a policy with alternatives, each of another shape is in the tree, and its worst case is the worst of them all.
 *
 * @module
 */

import type { Describable, HasAlternatives, PolicyDescription, PolicyTraits } from '../kernel/description.ts';
import type { NamedPolicy, Policy } from '../kernel/policy.ts';
import { type WorstCase, around, aroundUnknown, operationAlone, worstOf } from './worst-case.ts';

/** A policy or pipeline, with what is in it. */
export interface PolicyTree extends PolicyDescription {
  /** Whether it does not describe itself, so that its options and traits are not known. */
  readonly isOpaque: boolean;
  /**
   * The policies of a pipeline, outermost first. Of a policy with alternatives, such as one per key: those of them that differ
   * in more than names, of which a call goes through one. Of any other policy, none.
   */
  readonly children: readonly PolicyTree[];
  /** The most that a call does that reaches this policy, with everything inside it. */
  readonly worstCase: WorstCase;
}

/**
 * Describes a policy, or a pipeline with all its policies, as it is now.
 *
 * @example
 * ```ts
 * const { maxRuns, maxTimeMs } = describe(pipeline(retry(), timeout(300))).worstCase;
 * ```
 */
export function describe(policy: Policy<unknown>): PolicyTree {
  return describeAround(operationAlone, policy, false);
}

/**
 * Draws a tree for people: one line per policy, each inside the one above it, and the worst case.
 *
 * @example
 * ```ts
 * console.log(draw(describe(pipeline(retry(), timeout(300)))));
 * ```
 */
export function draw(tree: PolicyTree): string {
  const { lines: policies, depth } = linesOf(tree, 0);
  const lines = [
    ...policies,
    indented(depth, 'operation'),
    `at most ${amount(tree.worstCase.maxRuns, 'runs')}: ${tree.worstCase.whyRuns}`,
    `at most ${amount(tree.worstCase.maxTimeMs, 'ms')}: ${tree.worstCase.whyTime}`,
    ...tree.worstCase.assumes.map((assumed) => `provided that, of ${assumed}`),
  ];
  return lines.join('\n');
}

/** A policy by kind and name, as people read it. */
export function labelOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return kind === name ? kind : `${kind} ${JSON.stringify(name)}`;
}

/** What a described policy does to calls: nothing, unless it enforces. `isInRetry` says whether one outside marks its tries. */
export function traitsInForce({ enforcement, traits }: PolicyDescription, isInRetry: boolean): PolicyTraits {
  if (enforcement !== 'enforce') return {};
  if (!isInRetry || traits.runsOnceInsideRetry !== true) return traits;
  return { ...traits, maxRuns: 1, maxWaitMs: 0, retriesFailures: false };
}

/** Whether what is inside a described policy is run again when it fails. */
export function retries({ maxRuns = 1, retriesFailures = false }: PolicyTraits): boolean {
  return retriesFailures && maxRuns > 1;
}

/** The policies of a pipeline; undefined for any other policy. */
export function policiesOf(policy: Policy<unknown>): readonly Policy<unknown>[] | undefined {
  const { kind, policies } = policy as { readonly kind?: unknown; readonly policies?: unknown };
  return kind === 'pipeline' && Array.isArray(policies) ? (policies as readonly Policy<unknown>[]) : undefined;
}

/** The policies of which a call through this one goes through one; undefined for a policy without such. */
export function alternativesOf(policy: Policy<unknown>): readonly Policy<unknown>[] | undefined {
  if (typeof (policy as { readonly alternatives?: unknown }).alternatives !== 'function') return undefined;
  const told: unknown = (policy as unknown as HasAlternatives).alternatives();
  return Array.isArray(told) && told.length > 0 ? (told as readonly Policy<unknown>[]) : undefined;
}

/** Those policies of which no other one before has a tree that differs in names only. */
export function distinct(policies: readonly Policy<unknown>[]): readonly Policy<unknown>[] {
  const shapes = new Map<string, Policy<unknown>>();
  for (const policy of policies) {
    const shape = JSON.stringify(describe(policy), withoutNames);
    if (!shapes.has(shape)) shapes.set(shape, policy);
  }
  return [...shapes.values()];
}

// --- internal ---

/** What goes into a shape: nothing in which a name stands. */
function withoutNames(key: string, value: unknown): unknown {
  return ['name', 'whyRuns', 'whyTime', 'assumes'].includes(key) ? undefined : value;
}

function describeAround(inside: WorstCase, policy: Policy<unknown>, isInRetry: boolean): PolicyTree {
  if (policiesOf(policy) !== undefined) return describePipeline(inside, policy, isInRetry);
  const description = descriptionOf(policy);
  if (description === undefined) return describeOpaque(policy);
  const alternatives = description.enforcement === 'enforce' ? alternativesOf(policy) : undefined;
  if (alternatives !== undefined) return describeChoice(description, inside, { alternatives, isInRetry });
  const worstCase = around(inside, traitsInForce(description, isInRetry), labelOf(description));
  return { ...description, isOpaque: false, children: [], worstCase };
}

/** The alternatives tell more than the policy does that chooses: its own traits stand for what it is not known to be. */
function describeChoice(
  description: PolicyDescription,
  inside: WorstCase,
  { alternatives, isInRetry }: { readonly alternatives: readonly Policy<unknown>[]; readonly isInRetry: boolean },
): PolicyTree {
  const children = distinct(alternatives).map((policy) => describeAround(inside, policy, isInRetry));
  const assumes = `${labelOf(description)}: what it has yet to make is like what it has`;
  const worst = children.map(({ worstCase }) => worstCase).reduce(worstOf); // (3)
  return { ...description, isOpaque: false, children, worstCase: { ...worst, assumes: [assumes, ...worst.assumes] } };
}

function describePipeline(inside: WorstCase, pipeline: Policy<unknown>, isInRetry: boolean): PolicyTree {
  const { kind, name } = pipeline as NamedPolicy<unknown>;
  const policies = policiesOf(pipeline) ?? [];
  const children: PolicyTree[] = [];
  let worstCase = inside;
  for (const [index, policy] of [...policies.entries()].toReversed()) {
    const child = describeAround(worstCase, policy, policies.slice(0, index).reduce(isTriedInside, isInRetry));
    children.unshift(child);
    worstCase = child.worstCase;
  }
  return { kind, name, enforcement: 'enforce', options: {}, traits: {}, isOpaque: false, children, worstCase };
}

/** Whether what is inside a policy is always told that it is tried again. `isInRetry` says whether what reaches it is. */
function isTriedInside(isInRetry: boolean, policy: Policy<unknown>): boolean {
  const policies = policiesOf(policy);
  if (policies !== undefined) return policies.reduce(isTriedInside, isInRetry);
  const alternatives = isInForce(policy) ? alternativesOf(policy) : undefined;
  if (alternatives !== undefined) return alternatives.every((each) => isTriedInside(isInRetry, each));
  const description = descriptionOf(policy);
  const { runsInBackground, marksTries } = description === undefined ? {} : traitsInForce(description, isInRetry);
  return marksTries === true || (isInRetry && runsInBackground !== true);
}

function isInForce(policy: Policy<unknown>): boolean {
  return descriptionOf(policy)?.enforcement === 'enforce';
}

function describeOpaque({ kind = 'policy', name = kind }: Partial<NamedPolicy<unknown>>): PolicyTree {
  const worstCase = aroundUnknown(labelOf({ kind, name }));
  return { kind, name, enforcement: 'enforce', options: {}, traits: {}, isOpaque: true, children: [], worstCase };
}

/** What a policy says about itself; undefined where that is nothing that we understand. */
function descriptionOf(policy: Policy<unknown>): PolicyDescription | undefined {
  if (typeof (policy as { readonly describe?: unknown }).describe !== 'function') return undefined;
  const told: unknown = (policy as Partial<Describable>).describe?.();
  if (typeof told !== 'object' || told === null) return undefined;
  const { kind, name, enforcement = 'enforce', options = {}, traits } = told as Partial<PolicyDescription>;
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof traits !== 'object') return undefined;
  return { kind, name, enforcement, options, traits };
}

/**
 * One line per policy, outermost first, and the depth of what is inside. The policies of a pipeline and what comes after it are
 * inside it; alternatives are beside one another.
 */
function linesOf(tree: PolicyTree, depth: number): { readonly lines: readonly string[]; readonly depth: number } {
  const lines = [indented(depth, headOf(tree))];
  let deepest = depth + 1;
  for (const child of tree.children) {
    const inner = linesOf(child, tree.kind === 'pipeline' ? deepest : depth + 1);
    lines.push(...inner.lines);
    deepest = Math.max(deepest, inner.depth);
  }
  return { lines, depth: deepest };
}

function indented(depth: number, line: string): string {
  return `${'  '.repeat(depth)}${line}`;
}

function headOf({ kind, name, enforcement, options, isOpaque, worstCase }: PolicyTree): string {
  const notes = Object.entries(options).map(([option, value]) => `${option}=${show(value)}`);
  const mode = enforcement === 'enforce' ? [] : [`[${enforcement}]`];
  const { maxRuns, maxTimeMs } = worstCase;
  const bounds = kind === 'pipeline' ? [`(${amount(maxRuns, 'runs')}, ${amount(maxTimeMs, 'ms')} at most)`] : [];
  const doubt = isOpaque ? ['(does not describe itself)'] : [];
  return [labelOf({ kind, name }), ...mode, ...bounds, ...doubt, ...notes].join(' ');
}

function show(value: unknown): string {
  if (typeof value === 'number') return String(value); // Infinity, too
  return typeof value === 'string' && value.startsWith('[') ? value : (JSON.stringify(value) ?? 'undefined');
}

function amount(value: number, unit: string): string {
  if (value === Infinity) return unit === 'ms' ? 'any time' : `any number of ${unit}`;
  return value === 1 && unit === 'runs' ? '1 run' : `${value} ${unit}`;
}
