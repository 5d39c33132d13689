/**
 * Catalogue: the features of a service and the modes of each, written once, in code.
 *
 * The modes are listed best first; the first one is the default. Their names are literal types from here on, so that a
 * misspelt feature or mode does not compile.
 *
 * @module
 */

import { ConfigError, isName } from '@holdfast/core';

/** What {@link defineFeatures} takes per feature. */
export interface FeatureSpec {
  /** Names of the modes, best first; the first is the default. Lower case letters, digits and hyphens, a letter first. */
  readonly modes: readonly [string, ...string[]];
  /** Who decides about this feature; shown to operators. */
  readonly owner?: string | undefined;
  /** What to tell users while the feature is not in its default mode. */
  readonly notice?: string | undefined;
  /** Whether the service has no point without it; shown to operators. By default false. */
  readonly essential?: boolean | undefined;
}

/** One feature of a catalogue. */
export interface FeatureDefinition<Mode extends string = string> {
  readonly modes: readonly [Mode, ...Mode[]];
  readonly owner: string | undefined;
  readonly notice: string | undefined;
  readonly essential: boolean;
}

/** Names of features, each with the union of its modes. */
export type FeatureModes = Readonly<Record<string, string>>;

/** The features of a service, by name. Made by {@link defineFeatures}; frozen. */
export type Catalogue<M extends FeatureModes = FeatureModes> = {
  readonly [Name in keyof M & string]: FeatureDefinition<M[Name]>;
};

/** The modes that a set of specs declares. */
export type ModesOf<S extends Readonly<Record<string, FeatureSpec>>> = {
  readonly [Name in keyof S & string]: S[Name]['modes'][number];
};

/** Refuses keys that a spec does not have. */
export type KnownKeysOnly<S> = {
  readonly [Name in keyof S]: { readonly [Key in Exclude<keyof S[Name], keyof FeatureSpec>]: never };
};

/**
 * Declares the features of a service. Returns a frozen copy of `specs`, with the modes as literal types.
 *
 * @throws ConfigError when there is no feature, a name is not like `price-history`, or a feature has no mode or one twice.
 * @throws TypeError when a feature has an unknown key.
 *
 * @example
 * ```ts
 * const features = defineFeatures({
 *   recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth' },
 *   checkout: { modes: ['full', 'deferred'], owner: 'pay', essential: true },
 * });
 * ```
 */
export function defineFeatures<const S extends Readonly<Record<string, FeatureSpec>>>(
  specs: S & KnownKeysOnly<S>,
): Catalogue<ModesOf<S>> {
  return checkCatalogue(specs) as Catalogue<ModesOf<S>>;
}

/** Checks a catalogue, also one whose types were circumvented, and returns a frozen copy. */
export function checkCatalogue(specs: unknown): Catalogue {
  if (!isPlainObject(specs) || Object.keys(specs).length === 0)
    throw new ConfigError('features', 'an object with at least one feature', specs);
  const entries = Object.entries(specs).map(([name, spec]) => {
    if (!NAME.test(name)) throw new ConfigError('features', `an object with keys like "price-history"`, name);
    return [name, checkSpec(`features.${name}`, spec)] as const;
  });
  return Object.freeze(Object.fromEntries(entries));
}

// --- internal ---

const NAME = /^[a-z][a-z0-9-]*$/;
const KEYS: readonly string[] = ['modes', 'owner', 'notice', 'essential'];

function checkSpec(path: string, spec: unknown): FeatureDefinition {
  if (!isPlainObject(spec)) throw new ConfigError(path, 'an object', spec);
  const unknown = Object.keys(spec).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw new TypeError(`${path} has no option "${unknown}"; it knows ${KEYS.join(', ')}`);
  const { modes, owner, notice, essential = false } = spec;
  if (owner !== undefined) isName(`${path}.owner`, owner);
  if (notice !== undefined) isName(`${path}.notice`, notice);
  if (typeof essential !== 'boolean') throw new ConfigError(`${path}.essential`, 'true or false', essential);
  return Object.freeze({ modes: checkModes(`${path}.modes`, modes), owner, notice, essential }) as FeatureDefinition;
}

function checkModes(path: string, modes: unknown): readonly [string, ...string[]] {
  if (!Array.isArray(modes) || modes.length === 0) throw new ConfigError(path, 'an array of at least one mode', modes);
  for (const [position, mode] of (modes as readonly unknown[]).entries()) {
    if (typeof mode !== 'string' || !NAME.test(mode))
      throw new ConfigError(`${path}[${position}]`, 'a name like "read-only"', mode);
    if (modes.indexOf(mode) !== position) throw new ConfigError(`${path}[${position}]`, 'named once only', mode);
  }
  return Object.freeze([...modes]) as unknown as readonly [string, ...string[]];
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
