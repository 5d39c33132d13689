/**
 * Targeting: which requests an override is for, and which bucket a request is in.
 *
 * Invariants
 *  (1) The same seed and key give the same bucket, in every process.
 *  (2) Raising a share only adds requests.
 *  (3) A condition on something that the request does not tell does not hold.
 *
 * Source: FNV-1a, G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, IETF draft, 2012,
 * https://datatracker.ietf.org/doc/html/draft-eastlake-fnv. Deviation: over UTF-16 code units; the last bits are mixed as in
 * MurmurHash3, A. Appleby, 2011, https://github.com/aappleby/smhasher, so that short keys spread evenly.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from '@holdfast/core';

/** What is known of a request, by name. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** One condition on a request: exactly one of `in`, `notIn`, `below` and `above`. */
export type Condition = { readonly attribute: string } & (
  | { readonly in: readonly (string | number | boolean)[] }
  | { readonly notIn: readonly (string | number | boolean)[] }
  | { readonly below: number }
  | { readonly above: number }
);

/** Who a request is for, as far as modes depend on it. */
export interface Target {
  /** What stays the same for one user or tenant, so that their mode does not flip. What is no text, or empty, counts as none. */
  readonly key?: string | undefined;
  readonly attributes?: Attributes | undefined;
}

/** Under this key a context says who its request is for. */
export const target: ContextKey<Target> = contextKey('the target of degradation');

/** Returns the bucket of `key` under `seed`: a number in [0, 1). */
export function bucketOf(seed: string, key: string): number {
  let hash = hashOn(Math.imul(hashOn(OFFSET, seed), PRIME), key); // of both, with a 0 between
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4_294_967_296; // (1)
}

/** Whether all conditions hold. */
export function matches(conditions: readonly Condition[], attributes: Attributes | undefined): boolean {
  return conditions.every((condition) => holds(condition, attributes));
}

/** Returns the target of a request: of the context, where that says. */
export function targetOf(context: Context | undefined): Target | undefined {
  return context?.value(target);
}

/** Returns `given` as far as it is a target: a key that is no text, or empty, and attributes that are no object count as none. */
export function soundTarget(given: unknown): Target | undefined {
  if (!isObject(given)) return undefined;
  const { key, attributes } = given as { readonly [Part in keyof Target]: unknown };
  const soundKey = typeof key === 'string' && key !== '' ? key : undefined;
  const known = isObject(attributes) ? (attributes as Attributes) : undefined;
  return key === soundKey && attributes === known ? given : { key: soundKey, attributes: known };
}

/** Whether `value`, which came from outside, is a condition. */
export function isCondition(value: unknown): value is Condition {
  if (typeof value !== 'object' || value === null) return false;
  const { attribute, ...rest } = value as Record<string, unknown>;
  const tests = Object.entries(rest);
  if (typeof attribute !== 'string' || attribute === '' || tests.length !== 1) return false;
  const [name, operand] = tests[0] as [string, unknown];
  return name === 'below' || name === 'above' ? isBound(operand) : isChoice(name, operand);
}

// --- internal ---

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

function hashOn(before: number, text: string): number {
  let hash = before;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    hash = Math.imul(hash ^ (unit & 0xff), PRIME);
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), PRIME);
  }
  return hash;
}

function holds(condition: Condition, attributes: Attributes | undefined): boolean {
  if (attributes === undefined || !Object.hasOwn(attributes, condition.attribute)) return false; // (3)
  const value = attributes[condition.attribute] as string | number | boolean;
  if ('in' in condition) return condition.in.includes(value);
  if ('notIn' in condition) return !condition.notIn.includes(value);
  if (typeof value !== 'number') return false;
  return 'below' in condition ? value < condition.below : value > condition.above;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function isBound(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(value);
}

function isChoice(name: string, value: unknown): boolean {
  return (name === 'in' || name === 'notIn') && Array.isArray(value) && value.length <= 1000 && value.every(isPlain);
}
