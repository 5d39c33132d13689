/**
 * Options: how the options of a policy are checked and completed, the same way everywhere.
 *
 * Invariants
 *  (1) The caller's object is never changed or kept.
 *  (2) An option given as undefined counts as omitted.
 *  (3) An unknown option is refused with the list of known ones; a value out of range with option, range and value.
 *
 * @module
 */

import { type PolicyPorts, portNames } from './ports.ts';
import { nameErrorClass, markAsResilienceError } from './errors.ts';

/** An option has a value that it cannot have. The message says which, what it may be and what it was. */
export class ConfigError extends RangeError {
  /** Stable, literal name of what happened; part of the public contract. */
  readonly code = 'INVALID_CONFIG';
  /** Path of the option: `retry.maxAttempts`. */
  readonly option: string;
  /** The value that was given. */
  readonly value: unknown;

  constructor(option: string, expectation: string, value: unknown) {
    super(`${option} must be ${expectation}, got ${show(value)}`);
    this.option = option;
    this.value = value;
  }
}

/** Returns `defaults` with what `options` sets; `options` may name only ports and what `defaults` or `optional` name. */
export function withDefaults<D extends object, O extends object>(
  policy: string,
  defaults: D,
  options: O,
  optional: readonly string[] = [],
): D & O {
  return withKnown(policy, defaults, options, [...optional, ...portNames]);
}

/** As {@link withDefaults}, for what is no policy and takes no port but those that `defaults` or `optional` name. */
export function withKnown<D extends object, O extends object>(
  place: string,
  defaults: D,
  options: O,
  optional: readonly string[] = [],
): D & O {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new ConfigError(place, 'an object of options', options);
  const resolved = { ...defaults } as Record<string, unknown>;
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(defaults, key) && !optional.includes(key))
      throw unknownOption(place, key, [...Object.keys(defaults), ...optional]);
    const value = (options as Record<string, unknown>)[key];
    if (value !== undefined) resolved[key] = value; // (2)
  }
  requirePorts(place, resolved);
  return resolved as D & O;
}

/** Checks that `value` is a number in `range`, both ends included. */
export function inRange(option: string, value: unknown, range: readonly [number, number]): void {
  if (typeof value !== 'number' || !(value >= range[0] && value <= range[1])) {
    throw new ConfigError(option, `a number from ${range[0]} to ${range[1]}`, value);
  }
}

/** Checks that `value` is an integer in `range`, both ends included. */
export function integerInRange(option: string, value: unknown, range: readonly [number, number]): void {
  if (!Number.isInteger(value) || (value as number) < range[0] || (value as number) > range[1]) {
    throw new ConfigError(option, `an integer from ${range[0]} to ${range[1]}`, value);
  }
}

/** Checks that `value` is a non-empty string. */
export function isName(option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw new ConfigError(option, 'a non-empty string', value);
}

/** Checks that `value` is one of `choices`. */
export function oneOf(option: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value)) throw new ConfigError(option, `one of ${choices.map(show).join(', ')}`, value);
}

/** Checks that `value` is a function. */
export function isFunction(option: string, value: unknown): void {
  if (typeof value !== 'function') throw new ConfigError(option, 'a function', value);
}

/** The time that is given to work which brings no deadline, and the time that no work exceeds. Milliseconds. */
export interface WorkTimeouts {
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/**
 * Returns the time for work that brings no deadline: what `options` say, or else that of `resolved`, lowered to its `maxTimeoutMs`.
 *
 * @throws ConfigError when `options` say more than `maxTimeoutMs`.
 */
export function defaultTimeoutOf(
  place: string,
  options: { readonly defaultTimeoutMs?: unknown },
  { defaultTimeoutMs, maxTimeoutMs }: WorkTimeouts,
): number {
  if (options.defaultTimeoutMs !== undefined && defaultTimeoutMs > maxTimeoutMs)
    throw new ConfigError(
      `${place}.defaultTimeoutMs`,
      `at most maxTimeoutMs, which is ${maxTimeoutMs}`,
      defaultTimeoutMs,
    );
  return Math.min(defaultTimeoutMs, maxTimeoutMs);
}

/** Checks that `store` is a store of circuits, or undefined. */
export function isStoreOrAbsent(option: string, store: unknown): void {
  const isStore = store === undefined || (hasMethod(store, 'join') && hasMethod(store, 'health'));
  if (!isStore) throw new ConfigError(option, 'a CircuitStore', store);
}

// --- internal ---

nameErrorClass(ConfigError, 'ConfigError');
markAsResilienceError(ConfigError);

function requirePorts(
  policy: string,
  { clock, random, events, captureAsyncContext }: { readonly [P in keyof PolicyPorts]: unknown },
): void {
  const isClock = hasMethod(clock, 'now') && hasMethod(clock, 'setTimer');
  if (clock !== undefined && !isClock) throw new ConfigError(`${policy}.clock`, 'a Clock', clock);
  if (random !== undefined) isFunction(`${policy}.random`, random);
  const isEvents = hasMethod(events, 'emit') && 'active' in (events as object);
  if (events !== undefined && !isEvents) throw new ConfigError(`${policy}.events`, 'an Events', events);
  if (captureAsyncContext !== undefined) isFunction(`${policy}.captureAsyncContext`, captureAsyncContext);
}

function hasMethod(value: unknown, method: string): boolean {
  return typeof (value as Record<string, unknown> | null)?.[method] === 'function';
}

function unknownOption(place: string, key: string, known: readonly string[]): TypeError {
  return new TypeError(`${place} has no option ${show(key)}; it knows ${[...new Set(known)].toSorted().join(', ')}`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
