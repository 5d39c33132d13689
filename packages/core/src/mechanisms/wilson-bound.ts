/**
 * Wilson bound: how large a share is at least, told from a few observations.
 *
 * With `hits` of `total`, the true share is at least {@link wilsonLowerBound} with the confidence that `z` stands for. Few
 * observations give a low bound, so that one failure of one call does not mean that all calls fail.
 *
 *   (p + z^2/2n - z * sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)     with p = hits/total, n = total
 *
 * Source: "Probable Inference, the Law of Succession, and Statistical Inference", E. B. Wilson, Journal of the American
 * Statistical Association 22, 1927, https://doi.org/10.1080/01621459.1927.10502953.
 * Deviation: none.
 * Cost: constant.
 *
 * @module
 */

/** Returns the lower end of the one-sided score interval. `total` 0 gives 0. */
export function wilsonLowerBound(hits: number, total: number, z: number): number {
  if (total === 0) return 0;
  const share = hits / total;
  const square = z * z;
  const spread = z * Math.sqrt((share * (1 - share)) / total + square / (4 * total * total));
  return Math.max(0, (share + square / (2 * total) - spread) / (1 + square / total));
}

/**
 * Returns how many standard deviations a one-sided confidence stands for: 0.95 gives 1.645. `confidence` is from 0.5
 * (included) to 1 (excluded).
 *
 * Source: "Handbook of Mathematical Functions", M. Abramowitz and I. A. Stegun, 1964, formula 26.2.23.
 * Deviation: none; the absolute error is below 0.00045.
 */
export function standardDeviations(confidence: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - confidence));
  const numerator = 2.515_517 + t * (0.802_853 + t * 0.010_328);
  const denominator = 1 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
  return Math.max(0, t - numerator / denominator);
}
