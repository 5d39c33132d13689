/**
 * Option rules: what the value of an option may be, said once: the check at creation and the published JSON Schema are made
 * from the same rule.
 *
 * @module
 */

import { ConfigError } from './options.ts';

/** What JSON Schema says about a value. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What the value of one option may be. */
export interface OptionRule {
  /** The end of the sentence "retry.maxAttempts must be ...". */
  readonly expectation: string;
  /** Whether `value` is allowed. Must not throw. */
  accepts(value: unknown): boolean;
  /** The same for JSON; undefined where JSON cannot hold such a value, as with functions. */
  readonly schema: JsonSchema | undefined;
}

/** The rules of a policy's options by name; the ports have none, and `name` has the same everywhere. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

/** A number, both ends included. `Infinity` as `max` allows Infinity. */
export function numberFrom(min: number, max: number): OptionRule {
  return {
    expectation: `a number from ${min} to ${max}`,
    accepts: (value) => typeof value === 'number' && value >= min && value <= max,
    schema: { type: 'number', ...bounds(min, max) },
  };
}

/** An integer, both ends included. */
export function integerFrom(min: number, max: number): OptionRule {
  return {
    expectation: `an integer from ${min} to ${max}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    schema: { type: 'integer', ...bounds(min, max) },
  };
}

/** A share of a whole that is not nothing: above 0, up to 1. */
export const share: OptionRule = Object.freeze({
  expectation: 'a number above 0, up to 1',
  accepts: (value: unknown) => typeof value === 'number' && value > 0 && value <= 1,
  schema: Object.freeze({ type: 'number', exclusiveMinimum: 0, maximum: 1 }),
});

/** A string that is not empty. */
export const nonEmptyString: OptionRule = Object.freeze({
  expectation: 'a non-empty string',
  accepts: (value: unknown) => typeof value === 'string' && value !== '',
  schema: Object.freeze({ type: 'string', minLength: 1 }),
});

/** True or false. */
export const trueOrFalse: OptionRule = Object.freeze({
  expectation: 'true or false',
  accepts: (value: unknown) => typeof value === 'boolean',
  schema: Object.freeze({ type: 'boolean' }),
});

/** A function. JSON cannot hold one. */
export const anyFunction: OptionRule = Object.freeze({
  expectation: 'a function',
  accepts: (value: unknown) => typeof value === 'function',
  schema: undefined,
});

/** One of a few strings. */
export function oneOfStrings(...choices: readonly string[]): OptionRule {
  return {
    expectation: `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}`,
    accepts: (value) => choices.includes(value as string),
    schema: { enum: choices },
  };
}

/** What either of two rules allows. Its JSON Schema is that of those that have one. */
export function either(one: OptionRule, other: OptionRule): OptionRule {
  const schemas = [one.schema, other.schema].filter((schema) => schema !== undefined);
  return {
    expectation: `${one.expectation}, or ${other.expectation}`,
    accepts: (value) => one.accepts(value) || other.accepts(value),
    schema: schemas.length === 2 ? { anyOf: schemas } : schemas[0],
  };
}

/**
 * Checks every option in `options` that has a rule. `place` is the path before the option's name: `retry`.
 *
 * @throws ConfigError for the first value that its rule does not accept.
 */
export function checkOptions(place: string, rules: OptionRules, options: object): void {
  for (const option in rules) {
    const rule = rules[option] as OptionRule;
    const value = (options as Record<string, unknown>)[option];
    if (!rule.accepts(value)) throw new ConfigError(`${place}.${option}`, rule.expectation, value);
  }
}

// --- internal ---

function bounds(minimum: number, maximum: number): { readonly minimum: number; readonly maximum?: number } {
  return maximum === Infinity ? { minimum } : { minimum, maximum };
}
