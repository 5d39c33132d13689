/**
 * Slope: whether a series of samples grows.
 *
 * Source: ordinary least squares, A.-M. Legendre, 1805.
 * Deviation: the first samples are left out, in which code is still being compiled and tables reach their size.
 *
 * @module
 */

/** One measurement. */
export interface Sample {
  /** Calls made before it. */
  readonly calls: number;
  readonly bytes: number;
}

/** What the samples after the warm-up come to. */
export interface Growth {
  /** Slope of the line that fits best. Bytes per call. */
  readonly bytesPerCall: number;
  /** What that line grew by between the first and the last of those samples. Bytes. */
  readonly bytes: number;
  readonly sampleCount: number;
}

/** Fits a line through the samples that are left when the share `warmUpRatio` of them is left out at the start. */
export function growthOf(samples: readonly Sample[], warmUpRatio: number): Growth {
  const kept = samples.slice(Math.floor(samples.length * warmUpRatio));
  if (kept.length < 3) throw new RangeError(`a slope needs 3 samples after the warm-up, got ${kept.length}`);
  const meanCalls = mean(kept.map(({ calls }) => calls));
  const meanBytes = mean(kept.map(({ bytes }) => bytes));

  let products = 0;
  let squares = 0;
  for (const { calls, bytes } of kept) {
    products += (calls - meanCalls) * (bytes - meanBytes);
    squares += (calls - meanCalls) ** 2;
  }
  const bytesPerCall = products / squares;
  const span = (kept.at(-1)?.calls ?? 0) - (kept[0]?.calls ?? 0);
  return { bytesPerCall, bytes: bytesPerCall * span, sampleCount: kept.length };
}

// --- internal ---

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
}
