/**
 * Sample: one value of a metric, and the shapes that most metrics have.
 *
 * @module
 */

/** One value under the labels that stand beside the name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric without labels of its own. */
export function single(value: number): readonly Sample[] {
  return [{ labels: noLabels, value }];
}

/** The same, absent where there is no value or no end to it. */
export function optional(value: number | undefined): readonly Sample[] {
  return value === undefined || !Number.isFinite(value) ? [] : single(value);
}

/** The same, as seconds of milliseconds. */
export function optionalSeconds(ms: number | undefined): readonly Sample[] {
  return ms === undefined ? [] : optional(ms / 1000);
}

/** One sample per value of `label`. */
export function byLabel<V extends string>(label: string, values: Readonly<Record<V, number>>): readonly Sample[] {
  return Object.entries<number>(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
}

// --- internal ---

const noLabels: Readonly<Record<string, string>> = Object.freeze({});
