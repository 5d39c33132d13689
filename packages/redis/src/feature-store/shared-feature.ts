/**
 * Shared feature: what a store of features takes and gives, by its shape: the records, changes and port of
 * `@holdfast/degradation`, of which this package knows no more than that.
 *
 * @module
 */

/** One condition on a request: exactly one of `in`, `notIn`, `below` and `above`. */
export type SharedCondition = { readonly attribute: string } & (
  | { readonly in: readonly (string | number | boolean)[] }
  | { readonly notIn: readonly (string | number | boolean)[] }
  | { readonly below: number }
  | { readonly above: number }
);

/** One override of a feature. What its fields mean is said in `@holdfast/degradation`; here only `remainingMs` is touched. */
export interface SharedOverride {
  readonly id: string;
  readonly kind: 'force' | 'atLeast' | 'atMost';
  readonly source: 'break-glass' | 'manual' | 'automatic' | 'schedule';
  readonly mode: string;
  readonly betterModes: readonly string[];
  readonly scope: { readonly region?: string | undefined; readonly instance?: string | undefined };
  readonly shareRatio: number;
  readonly seed: string;
  readonly match: readonly SharedCondition[];
  readonly restore: { readonly shareRatios: readonly number[]; readonly stepMs: number } | undefined;
  readonly params?: Readonly<Record<string, string | number | boolean>> | undefined;
  readonly actor: string;
  readonly reason: string;
  readonly revision: number;
  readonly setAtMs: number;
  /** Milliseconds until it expires, counted from when it is handed over; 0 or less when it has. */
  readonly remainingMs: number;
}

/** The overrides of one feature after its last change. */
export interface SharedFeature {
  /** Its name. */
  readonly feature: string;
  /** Number of the change; only grows. Of two records the one with the higher revision stands, then the one with the greater origin. */
  readonly revision: number;
  /** Random name of the process that made the change. */
  readonly origin: string;
  /** All overrides of the feature. */
  readonly overrides: readonly SharedOverride[];
  readonly isAtOnce: boolean;
  readonly atOnceIds?: readonly string[] | undefined;
  readonly actor: string;
  readonly reason: string;
  readonly changedAtMs: number;
}

/** What a record did. */
export interface SharedFeatureChange {
  /** Calendar time by whoever made it, ISO 8601, UTC. */
  readonly at: string;
  readonly feature: string;
  readonly from: string;
  readonly to: string;
  readonly actor: string;
  readonly reason: string;
  readonly revision: number;
  readonly cause: 'set' | 'restored' | 'expired' | 'restoring' | 'automatic';
  readonly expiresAt: string | undefined;
  /** Parameters of the mode that are others than the catalogue says. */
  readonly params?: Readonly<Record<string, string | number | boolean>> | undefined;
}

/** One entry of the trail of a fleet. Times are those of the server. */
export interface FeatureAuditEntry extends SharedFeatureChange {
  /** Hash of the entry before; that of the first ever is empty. */
  readonly previousHash: string;
  /** SHA-256 of this entry and `previousHash`, as `findTampering` has it. */
  readonly hash: string;
}

/** Is told how the store is. Its functions must not throw. */
export interface FeatureStoreWatch {
  /** The server cannot be reached: what is known is as of before. */
  away(error: unknown): void;
  /** All that the server has: when it is back, when it has lost some, and when some were missed. */
  whole(records: readonly SharedFeature[]): void;
}

/** Makes and checks seals of records: `signature(secret)` of `@holdfast/degradation`. */
export interface RecordSeal {
  /** Returns the seal of `text`: one line. */
  seal(text: string): string;
  /** Whether `given` is the seal of `text`. */
  isSealed(text: string, given: string): boolean;
}
