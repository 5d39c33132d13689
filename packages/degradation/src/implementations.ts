/**
 * Implementations: the functions behind the modes of a feature, and what the compiler makes sure of.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { ParamsOfMode } from './reading.ts';

/** One function per mode, all of them taking a context and the same arguments. */
export type Implementations<Mode extends string, Args extends unknown[]> = {
  readonly [Name in Mode]: (context: Context, ...args: Args) => unknown;
};

/** Asks for one more argument, which nobody has, where `Given` implements a mode that the feature lacks. */
export type NoUnknownModes<Given, Mode extends string> = [Exclude<keyof Given, Mode>] extends [never]
  ? []
  : [unknownModes: Exclude<keyof Given, Mode>];

/** What every mode's function may return, awaited. */
export type ResultOf<Given> = Awaited<ReturnType<Extract<Given[keyof Given], (...args: never[]) => unknown>>>;

/** Says that the functions of a feature get the parameters of their modes. */
export interface WithParams {
  readonly withParams: true;
}

/** One function per mode with parameters: a context, the parameters of its mode, and the same arguments for all. */
export type LadderFunctions<Mode extends string, Params, Args extends unknown[]> = {
  readonly [Name in Mode]: (context: Context, params: ParamsOfMode<Params, Name>, ...args: Args) => unknown;
};

/** Arguments of any number and kind. */
// oxlint-disable-next-line typescript/no-explicit-any -- unknown would refuse functions that say what they take
export type AnyArguments = any[];

/** The arguments of functions with parameters: those of the functions that take any. */
export type LadderArguments<Given> = NotEmpty<ArgumentsAfter<Given[keyof Given]>>;

// --- internal ---

/** The arguments of an implementation that come after context and parameters. */
export type ArgumentsAfter<F> = F extends (context: never, params: never, ...args: infer Args) => unknown
  ? Args
  : never;

/** An argument list that is one. */
export type NotEmpty<Args extends unknown[]> = [Exclude<Args, []>] extends [never] ? [] : Exclude<Args, []>;
