/**
 * Sample: one value of a metric, and the shapes that most metrics have.
 *
 * @module
 */

/** One value under the attributes that stand beside the name. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** A metric without attributes of its own. */
export function single(value: number): readonly Sample[] {
  return [{ labels: noLabels, value }];
}

/** Seconds of milliseconds; absent where there are none, or no end to them. */
export function optionalSeconds(ms: number | undefined): readonly Sample[] {
  return ms === undefined || !Number.isFinite(ms) ? [] : single(ms / 1000);
}

/** One sample per value of `label`. */
export function byLabel<V extends string>(label: string, values: Readonly<Record<V, number>>): readonly Sample[] {
  return Object.entries<number>(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
}
