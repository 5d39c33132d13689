/**
 * Statistics: what a row of a benchmark comes to over its rounds.
 *
 * Source: linear interpolation between order statistics, type 7 of Sample Quantiles in Statistical Packages, R. Hyndman
 * and Y. Fan, The American Statistician, 1996, https://doi.org/10.2307/2684934.
 * Deviation: none.
 *
 * @module
 */

/** Where the middle of a sample lies, and its middle half. */
export interface Spread {
  readonly median: number;
  /** A quarter of the sample is below. */
  readonly low: number;
  /** A quarter of the sample is above. */
  readonly high: number;
  readonly least: number;
}

/**
 * Returns the value below which `share` of the sample lies, interpolated. `share` is from 0 to 1; the sample may be in any
 * order and is not changed.
 *
 * @throws RangeError when the sample is empty or `share` is out of range.
 */
export function quantile(sample: readonly number[], share: number): number {
  if (sample.length === 0) throw new RangeError('an empty sample has no quantiles');
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share must be a number from 0 to 1, got ${share}`);
  const sorted = sample.toSorted((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}

/** Returns the median and the quartiles of a sample, and its least. */
export function spreadOf(sample: readonly number[]): Spread {
  const at = (share: number): number => quantile(sample, share);
  return { median: at(0.5), low: at(0.25), high: at(0.75), least: at(0) };
}

/**
 * Returns what `sample` is of `base`, round by round: both hold one time per round, and a slow moment of the machine hits
 * both times of its round.
 *
 * @throws RangeError when the two have different lengths.
 */
export function pairedRatios(sample: readonly number[], base: readonly number[]): number[] {
  if (sample.length !== base.length)
    throw new RangeError(`${sample.length} rounds cannot be paired with ${base.length}`);
  return sample.map((time, round) => time / (base[round] as number));
}

/** Returns `items` in the order of round `round`: each round starts one further, so that nobody always follows the same. */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const start = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
