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

const noLabels: Readonly<Record<string, string>> = Object.freeze({});

/** A metric without labels of its own. */
export function single(value: number): readonly Sample[] {
  return [{ labels: noLabels, value }];
}

/** One sample per value of `label`. */
export function byLabel<V extends string>(label: string, values: Readonly<Record<V, number>>): readonly Sample[] {
  return Object.entries<number>(values).map(([key, value]) => ({ labels: { [label]: key }, value }));
}
