/**
 * Reading: the mode of a feature for one request, with all that goes with it.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import type { DecidedBy } from './precedence.ts';
import type { Target } from './targeting.ts';

/** The parameters of a mode; undefined where the catalogue gives it none. */
export type ParamsOfMode<Params, Mode extends string> = Mode extends keyof Params ? Params[Mode] : undefined;

/** The mode of a feature for one request. */
export type Reading<Mode extends string = string, Params = Readonly<Record<string, unknown>>> = {
  readonly [Name in Mode]: {
    readonly feature: string;
    readonly mode: Name;
    /** Page size, quality, longest staleness, ...: what the catalogue says for this mode. */
    readonly params: ParamsOfMode<Params, Name>;
    /** Whether it is not the best mode. */
    readonly isDegraded: boolean;
    /** What decided. */
    readonly decidedBy: DecidedBy;
    /** Why, as whoever decided wrote it; undefined where nobody did. */
    readonly reason: string | undefined;
    /** Id of the override that decided; undefined where none did. */
    readonly overrideId: string | undefined;
    /** Whether every request gets the same at present, whoever it is for. */
    readonly isForAll: boolean;
  };
}[Mode];

/** A feature whose modes are only known at run time. */
export interface FeatureReader {
  readonly name: string;
  /** As that of a {@link FeatureHandle}. */
  read(
    context?: Context,
    target?: Target,
  ): { readonly mode: string; readonly params: unknown } & Pick<
    Reading,
    'isDegraded' | 'decidedBy' | 'reason' | 'overrideId' | 'isForAll'
  >;
}

/** One function per mode; each gets the parameters of its mode. */
export type Matched<Mode extends string, Params> = {
  readonly [Name in Mode]: (params: ParamsOfMode<Params, Name>, context: Context | undefined) => unknown;
};

/** Refuses functions for modes that a feature lacks. */
export type OnlyModes<Given, Mode extends string> = { readonly [Key in Exclude<keyof Given, Mode>]: never };

/** What any of the functions returns. */
export type MatchResult<Given> = ReturnType<Extract<Given[keyof Given], (...args: never[]) => unknown>>;

/** A feature, found once and then read for nanoseconds. */
export interface FeatureHandle<Mode extends string = string, Params = Readonly<Record<string, unknown>>> {
  readonly name: string;
  /** The mode for nobody in particular: of a bucket in the middle, without attributes. Never throws. */
  readonly mode: Mode;
  /**
   * The mode for a request: for whom it is, says its context under the key `target`, or `target`. Without a key there, each
   * read of a feature that is degraded for a share draws anew. Never throws.
   */
  read(context?: Context, target?: Target): Reading<Mode, Params>;
  /** Calls the function of the mode for a request, counts it, and returns what it returns. Throws only what it throws. */
  match<Given extends Matched<Mode, Params>>(
    functions: Given & OnlyModes<Given, Mode>,
    context?: Context,
  ): MatchResult<Given>;
}
