/**
 * Catalogue: the features of a service and the modes of each, written once, in code.
 *
 * The modes are listed best first; the first one is the default. Their names, and the parameters of each, are literal types
 * from here on, so that a misspelt feature or mode does not compile.
 *
 * @module
 */

import { ConfigError } from '@holdfast/core';

import { type FeatureDefinition, type FeatureSpec, checkSpec } from './feature-spec.ts';

export type { FeatureDefinition, FeatureSpec } from './feature-spec.ts';

/** Names of features, each with the union of its modes. */
export type FeatureModes = Readonly<Record<string, string>>;

/** Names of features that have parameters, each with those of its modes. */
export type FeatureParams = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The parameters of no feature at all. */
// oxlint-disable-next-line typescript/no-empty-object-type -- there is nothing in it, and that is the point
export type NoParams = {};

/** The features of a service, by name. Made by {@link defineFeatures}; frozen. */
export type Catalogue<M extends FeatureModes = FeatureModes, P = NoParams> = {
  /** Carries the types of the parameters; never present. */
  readonly [paramTypes]?: P;
} & {
  readonly [Name in keyof M & string]: FeatureDefinition<M[Name]>;
};

/** Under this key a catalogue carries the types of its parameters; there is never a value. */
declare const paramTypes: unique symbol;

/** The modes that a set of specs declares. */
export type ModesOf<S extends Readonly<Record<string, FeatureSpec>>> = {
  readonly [Name in keyof S & string]: S[Name]['modes'][number];
};

/** The parameters that a set of specs declares, numbers as `number` and so on. */
export type ParamsOf<S> = {
  readonly [Name in keyof S as S[Name] extends { readonly params: object } ? Name : never]: S[Name] extends {
    readonly params: infer Params;
  }
    ? { readonly [Mode in keyof Params]: { readonly [Key in keyof Params[Mode]]: Widened<Params[Mode][Key]> } }
    : never;
};

/** Refuses keys that a spec does not have, and modes that it does not declare. */
export type KnownKeysOnly<S> = {
  readonly [Name in keyof S]: { readonly [Key in Exclude<keyof S[Name], keyof FeatureSpec>]: never } & KnownModesOnly<
    S[Name]
  >;
};

/**
 * Declares the features of a service. Returns a copy of `specs`, frozen all the way down, with the modes as literal
 * types.
 *
 * @throws ConfigError when there is no feature, a name is not like `price-history`, a feature has no mode or one twice, names
 *   a mode that it does not have, has parameters that are not plain data, or a level map that gets better as the level rises.
 * @throws TypeError when a feature has an unknown key.
 *
 * @example
 * ```ts
 * const features = defineFeatures({
 *   recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth', onLevel: { 1: 'cached', 3: 'off' } },
 *   checkout: { modes: ['full', 'deferred'], owner: 'pay', essential: true },
 * });
 * ```
 */
export function defineFeatures<const S extends Readonly<Record<string, FeatureSpec>>>(
  specs: S & KnownKeysOnly<S>,
): Catalogue<ModesOf<S>, ParamsOf<S>> {
  if (typeof specs !== 'object' || specs === null || Array.isArray(specs) || Object.keys(specs).length === 0)
    throw new ConfigError('features', 'an object with at least one feature', specs);
  const entries = Object.entries(specs).map(([name, spec]) => {
    if (!NAME.test(name)) throw new ConfigError('features', `an object with keys like "price-history"`, name);
    return [name, checkSpec(`features.${name}`, spec)] as const;
  });
  const catalogue = Object.freeze(Object.fromEntries(entries));
  catalogues.add(catalogue);
  return catalogue as unknown as Catalogue<ModesOf<S>, ParamsOf<S>>;
}

/** Returns `value` if {@link defineFeatures} made it, and throws a ConfigError otherwise. */
export function requireCatalogue(option: string, value: unknown): Catalogue {
  if (catalogues.has(value as object)) return value as Catalogue;
  throw new ConfigError(option, 'what defineFeatures() returned', value);
}

// --- internal ---

const NAME = /^[a-z][a-z0-9-]*$/;

/** The catalogues that were checked, so that nothing else passes for one. */
const catalogues = new WeakSet<object>();

/** A literal type as the type that it is of. */
export type Widened<T> = T extends number ? number : T extends string ? string : T extends boolean ? boolean : T;

/** Refuses modes that a spec does not declare. */
export type KnownModesOnly<Spec> = Spec extends { readonly modes: readonly string[] }
  ? {
      readonly params?:
        | { readonly [Mode in Exclude<KeysOf<Spec, 'params'>, Spec['modes'][number]>]: never }
        | undefined;
      readonly onLevel?: Readonly<Record<number, Spec['modes'][number]>> | undefined;
      readonly worstAutomatic?: Spec['modes'][number] | false | undefined;
    }
  : unknown;

/** The keys of a type. */
export type KeysOf<Spec, Key extends string> = Spec extends { readonly [K in Key]: infer Inner } ? keyof Inner : never;
