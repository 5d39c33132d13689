/**
 * Degradation source: the little that the metrics of features need to know about a degradation.
 *
 * Described by shape, so that anything with named features and modes fits.
 *
 * @module
 */

/** One feature at one instant. */
export interface FeatureReading {
  /** Unique among the features. */
  readonly name: string;
  /** The modes it can be in, from full service to least. */
  readonly modes: readonly string[];
  /** The mode it is in; one of `modes`. */
  readonly mode: string;
  /** The mode it is in where nothing decides otherwise; without it the first of `modes`. */
  readonly defaultMode?: string | undefined;
  /** The brownout level that it is at; without it that is not shown. 0 is normal. */
  readonly level?: number | undefined;
  /** Calls served since it was created, by mode. A mode that is not named has served none. */
  readonly served: Readonly<Record<string, number>>;
  /** Number of changes so far, where that is known. */
  readonly revision?: number | undefined;
  /** What overrides its mode at present, and for how long yet. Milliseconds, 0 or more. */
  readonly override?: { readonly remainingMs: number } | undefined;
}

/** What tells the features of a service. */
export interface DegradationSource {
  /** The features now. Called once per reading. */
  list(): readonly FeatureReading[];
}
