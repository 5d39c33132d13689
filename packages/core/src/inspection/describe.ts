/**
 * Describe: a policy or pipeline as a tree of data, with the options in force and the worst case of a call; and that tree as
 * text.
 *
 * Invariants
 *  (1) Describing changes nothing, and knows no kind of policy but the pipeline: everything comes from `describe` of the
 *      policies themselves.
 *  (2) A policy that does not describe itself is in the tree, and opaque.
 *
 * @module
 */

import type { Describable, PolicyDescription, PolicyTraits } from '../kernel/description.ts';
import type { NamedPolicy, Policy } from '../kernel/policy.ts';
import { type WorstCase, around, aroundUnknown, operationAlone } from './worst-case.ts';

/** A policy or pipeline, with what is in it. */
export interface PolicyTree extends PolicyDescription {
  /** Whether it does not describe itself, so that its options and traits are not known. */
  readonly isOpaque: boolean;
  /** The policies of a pipeline, outermost first; of any other policy, none. */
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
  const lines = [
    ...[...linesOf(tree), 'operation'].map((line, depth) => `${'  '.repeat(depth)}${line}`),
    `at most ${amount(tree.worstCase.maxRuns, 'runs')}: ${tree.worstCase.whyRuns}`,
    `at most ${amount(tree.worstCase.maxTimeMs, 'ms')}: ${tree.worstCase.whyTime}`,
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

// --- internal ---

function describeAround(inside: WorstCase, policy: Policy<unknown>, isInRetry: boolean): PolicyTree {
  if (policiesOf(policy) !== undefined) return describePipeline(inside, policy, isInRetry);
  const description = descriptionOf(policy);
  if (description === undefined) return describeOpaque(policy);
  const worstCase = around(inside, traitsInForce(description, isInRetry), labelOf(description));
  return { ...description, isOpaque: false, children: [], worstCase };
}

function describePipeline(inside: WorstCase, pipeline: Policy<unknown>, isInRetry: boolean): PolicyTree {
  const { kind, name } = pipeline as NamedPolicy<unknown>;
  const policies = policiesOf(pipeline) ?? [];
  const children: PolicyTree[] = [];
  let worstCase = inside;
  for (const [index, policy] of [...policies.entries()].toReversed()) {
    const child = describeAround(worstCase, policy, isInRetry || policies.slice(0, index).some(marksTries));
    children.unshift(child);
    worstCase = child.worstCase;
  }
  return { kind, name, enforcement: 'enforce', options: {}, traits: {}, isOpaque: false, children, worstCase };
}

/** Whether a policy, or one in it, tells what is inside that it is tried again. */
function marksTries(policy: Policy<unknown>): boolean {
  const policies = policiesOf(policy);
  if (policies !== undefined) return policies.some(marksTries);
  const description = descriptionOf(policy);
  return description !== undefined && traitsInForce(description, false).marksTries === true;
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

/** One line per policy, outermost first; the policies of a pipeline and what comes after it are inside it. */
function linesOf(tree: PolicyTree): string[] {
  return [headOf(tree), ...tree.children.flatMap(linesOf)];
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
