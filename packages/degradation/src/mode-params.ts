/**
 * Mode params: parameters of a mode that an override changes for as long as it is in force.
 *
 * Invariants
 *  (1) Only a parameter that the catalogue has for the mode can be changed, to a value of the type that it has there.
 *  (2) Parameters go with exactly one mode: only an override that forces a mode has any, and they count while that mode is the
 *      one that is read by it.
 *  (3) What another version of the catalogue does not have, or has of another type, keeps the value that it has here.
 *
 * @module
 */

import type { NoParams } from './catalogue.ts';
import type { FeatureDefinition } from './feature-spec.ts';
import { invalid, type ModeChange } from './mode-change.ts';
import { type OverrideRecord, type ParamValue, isParamValue } from './override.ts';

/** The parameters of one mode; an empty object where the catalogue gives it none. */
export type NamedParams<Params, Mode extends string> = Mode extends keyof Params ? Params[Mode] : NoParams;

/** What a change of a mode may say of its parameters: those that are texts, numbers and truth values, any of them. */
export type ParamChanges<Params> = {
  readonly [Key in keyof Params as Params[Key] extends ParamValue ? Key : never]?:
    | (Params[Key] & ParamValue)
    | undefined;
} & { readonly [nothingElse]?: never };

/** Never present: with a key of its own, a type without others refuses others too. */
declare const nothingElse: unique symbol;

/** Checks the parameters of a change. Throws a FeatureError `INVALID_CHANGE`. */
export function checkParamChanges(
  feature: string,
  { params: changes, kind = 'force' }: ModeChange,
  known: Readonly<Record<string, unknown>> | undefined,
): void {
  if (changes === undefined) return;
  if (kind !== 'force')
    throw invalid(feature, 'params', `left out with kind ${kind}: they go with exactly one mode`, changes); // (2)
  for (const [name, value] of Object.entries(changes))
    if (value !== undefined) checkOne(feature, { name, value, known });
}

/** Returns the parameters of `mode` as they are in force by the override that decided. */
export function paramsInForce(
  { params }: FeatureDefinition,
  mode: string,
  override: Pick<OverrideRecord, 'mode' | 'params'> | undefined,
): Readonly<Record<string, unknown>> | undefined {
  const known = params[mode];
  if (known === undefined || override?.params === undefined || override.mode !== mode) return known; // (2)
  const changes = Object.entries(override.params).filter(([name, value]) => fits(value, known[name])); // (3)
  return Object.freeze({ ...known, ...Object.fromEntries(changes) });
}

// --- internal ---

/** One parameter that is to be changed. */
interface ParamChange {
  readonly name: string;
  readonly value: ParamValue;
  readonly known: Readonly<Record<string, unknown>> | undefined;
}

function checkOne(feature: string, { name, value, known = {} }: ParamChange): void {
  const names = Object.keys(known).filter((one) => isParamValue(known[one]));
  if (!names.includes(name)) throw invalid(feature, `params.${name}`, `one of ${names.join(', ') || 'none'}`, name); // (1)
  if (!fits(value, known[name]))
    throw invalid(feature, `params.${name}`, `a ${typeof known[name]}, as in the catalogue`, value);
}

function fits(value: unknown, known: unknown): boolean {
  return isParamValue(known) && isParamValue(value) && typeof value === typeof known;
}
