/**
 * Config value: what one option is set to in a configuration. Functions cannot be in JSON, so they are there by name,
 * `{ "$function": "isHttpRetryable" }`, wherever an option may be a function.
 *
 * @module
 */

import type { OptionRule } from '../kernel/option-rules.ts';
import { type ConfigProblem, inside, problemAt, wrongValue } from './config-problem.ts';

/** The functions that a configuration may name. */
export type NamedFunctions = Readonly<Record<string, (...args: never[]) => unknown>>;

/** The key of a function by name. */
export const functionKey = '$function';

/** An option's value, or what is wrong with it. */
export type ReadValue = { readonly value: unknown; readonly problem?: undefined } | { readonly problem: ConfigProblem };

/** Whether an option may be a function. */
export function takesFunctions(rule: OptionRule): boolean {
  return rule.accepts(() => undefined);
}

/** Whether a configuration can set an option at all: an object that was made by code cannot be in JSON. */
export function isConfigurable(rule: OptionRule): boolean {
  return rule.schema !== undefined || takesFunctions(rule);
}

/** Reads the value of one option. */
export function readValue(path: string, rule: OptionRule, value: unknown, functions: NamedFunctions): ReadValue {
  if (takesFunctions(rule)) {
    if (isObject(value) && Object.hasOwn(value, functionKey)) return readFunction(path, value, functions);
    if (rule.schema === undefined || typeof value === 'function')
      return { problem: wrongValue(path, `a function by name, { "${functionKey}": "..." }`, value) };
  }
  return rule.accepts(value) ? { value: copyOf(value) } : { problem: wrongValue(path, rule.expectation, value) };
}

/** Whether `value` is an object as JSON has them. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two values of an option are the same: functions by identity, everything else by content. */
export function isSameValue(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, index) => isSameValue(item, other[index]));
  if (!isObject(one) || !isObject(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSameValue(one[key], other[key]))
  );
}

// --- internal ---

/** The caller's objects are not kept: changing them later changes nothing. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyOf(item)]));
}

function readFunction(path: string, value: Readonly<Record<string, unknown>>, functions: NamedFunctions): ReadValue {
  const { [functionKey]: name, ...rest } = value;
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    return { problem: problemAt(inside(path, extra), 'is not known beside the name of a function') };
  if (typeof name === 'string' && Object.hasOwn(functions, name)) return { value: functions[name] };
  const known = Object.keys(functions).toSorted();
  const choice = known.length === 0 ? 'no function, for none was handed in' : `one of ${known.join(', ')}`;
  return { problem: wrongValue(inside(path, functionKey), choice, name) };
}
