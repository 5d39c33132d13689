/**
 * Plain data: what survives JSON, checked where it comes from a caller, and copied so that nobody can change it afterwards.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

/** Returns a copy of `value` that is frozen all the way down. What is neither an array nor an object is taken as it is. */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((one: unknown) => frozenCopy(one))) as T;
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, one]) => [key, frozenCopy(one)]))) as T;
}

/**
 * Checks that `value` is plain data: texts, finite numbers, truth values, null and undefined, and arrays and objects of these.
 * `around` are the values that it stands in.
 *
 * @throws ConfigError when it is not, or stands in itself; named is the place in it.
 */
export function checkPlainData(path: string, value: unknown, around: readonly unknown[] = []): void {
  if (isPlainValue(value)) return;
  if (!isPlainContainer(value)) throw new ConfigError(path, EXPECTATION, value);
  if (around.includes(value)) throw new ConfigError(path, 'plain data that does not contain itself', 'a circle');
  for (const [key, one] of Object.entries(value))
    checkPlainData(Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, one, [...around, value]);
}

// --- internal ---

const EXPECTATION = 'plain data: texts, finite numbers, true, false and null, and arrays and objects of these';

/** Types of which every value will do. */
const ATOMS: ReadonlySet<string> = new Set(['string', 'boolean']);

function isPlainValue(value: unknown): boolean {
  return value === undefined || value === null || ATOMS.has(typeof value) || Number.isFinite(value);
}

/** Whether `value` is an array, or an object of no class; also one that another realm made. */
function isPlainContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
}
