/**
 * Option table: the values at both sides of each bound of a policy's options, and what creating the policy makes of them.
 *
 * The unit test of each policy runs one such table.
 *
 * @module
 */

/** What an option may be. */
export type OptionRule =
  | { readonly kind: 'integer' | 'number'; readonly min: number; readonly max: number; readonly isRequired?: boolean }
  /** Above 0, up to 1. */
  | { readonly kind: 'ratio' }
  | { readonly kind: 'name' }
  | { readonly kind: 'function' };

/** One row: options, and what {@link verdictOn} must say of them. */
export interface OptionCase {
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly expected: string;
}

/**
 * Returns the rows for the options that `rules` names, each on top of `base`. `prefix` is what the messages call the
 * policy: `circuitBreaker`.
 */
export function optionTable(
  prefix: string,
  rules: Readonly<Record<string, OptionRule>>,
  base: object = {},
): readonly OptionCase[] {
  return Object.entries(rules).flatMap(([option, rule]) => {
    const row = (value: unknown, refusal?: string): OptionCase => ({
      title: `${refusal === undefined ? 'accepts' : 'refuses'} ${option} ${show(value)}`,
      options: { ...base, [option]: value },
      expected:
        refusal === undefined
          ? 'accepted'
          : `ConfigError: ${prefix}.${option} must be ${refusal}, got ${show(value)} (INVALID_CONFIG)`,
    });
    return [
      ...acceptedValues(rule).map((value) => row(value)),
      ...refusedValues(rule).map((value) => row(value, expectation(rule))),
    ];
  });
}

/** Runs `create` with `options`: `accepted`, or the error as `name: message (code)`. */
export function verdictOn(create: (options: never) => unknown, options: unknown): string {
  try {
    create(options as never);
    return 'accepted';
  } catch (error) {
    const { name, message, code } = error as Error & { code?: unknown };
    return `${name}: ${message} (${String(code)})`;
  }
}

// --- internal ---

function acceptedValues(rule: OptionRule): readonly unknown[] {
  switch (rule.kind) {
    case 'integer':
    case 'number':
      return [rule.min, rule.max, ...(rule.isRequired === true ? [] : [undefined])];
    case 'ratio':
      return [Number.MIN_VALUE, 0.5, 1, undefined];
    case 'name':
      return ['a', 'prices/eu', undefined];
    case 'function':
      return [() => false, undefined];
  }
}

function refusedValues(rule: OptionRule): readonly unknown[] {
  switch (rule.kind) {
    case 'integer':
      return [rule.min - 1, rule.max + 1, rule.min + 0.5, ...notNumbers, Infinity];
    case 'number':
      return [justBelow(rule.min), ...(rule.max === Infinity ? [] : [justAbove(rule.max), Infinity]), ...notNumbers];
    case 'ratio':
      return [0, -0.5, 1.000_000_1, Infinity, ...notNumbers];
    case 'name':
      return ['', 7, null];
    case 'function':
      return ['no', 7, null];
  }
}

const notNumbers = [-Infinity, Number.NaN, '5', null, true];

function expectation(rule: OptionRule): string {
  switch (rule.kind) {
    case 'integer':
      return `an integer from ${rule.min} to ${rule.max}`;
    case 'number':
      return `a number from ${rule.min} to ${rule.max}`;
    case 'ratio':
      return 'a number above 0, up to 1';
    case 'name':
      return 'a non-empty string';
    case 'function':
      return 'a function';
  }
}

function justBelow(bound: number): number {
  return bound === 0 ? -Number.MIN_VALUE : bound * (1 - 2 ** -50);
}

function justAbove(bound: number): number {
  return bound * (1 + 2 ** -50);
}

function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
