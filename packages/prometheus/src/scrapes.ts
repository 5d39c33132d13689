/**
 * Scrapes: what the exporters of one register want to see, read once per scrape.
 *
 *   scrape ─► first metric asked ─► everything is read ─► all other metrics of this scrape are of that reading ─► forgotten
 *                                └► outboxes are asked; their metrics wait for that
 *
 * Invariants
 *  (1) A reading serves until the present run of the event loop's microtask ends: prom-client asks all metrics without a pause.
 *  (2) What is added or leaves is in the next reading, and in no reading that was begun before.
 *
 * @module
 */

import {
  type CallDurations,
  type Metric,
  type MetricReading,
  type MetricSources,
  type Series,
  createMetricReader,
} from '@holdfast/metrics';

/** Reads everything that was added to it. */
export class Scrapes {
  readonly #reader = createMetricReader('prometheus');
  #reading: MetricReading | undefined;
  #awaited: Promise<MetricReading> | undefined;

  /** Whether nobody wants to see anything. */
  get isEmpty(): boolean {
    return this.#reader.isEmpty;
  }

  /** Reads what is in `sources` from the next scrape on. Returns what ends that. */
  add(sources: MetricSources, durations: CallDurations): () => void {
    const subscription = this.#reader.add(sources, durations);
    this.#reading = undefined; // (2)
    return () => {
      subscription.close();
      this.#reading = undefined; // (2)
    };
  }

  /** The series of a metric, of the reading of the present scrape. */
  seriesOf(metric: Metric): Iterable<Series> | Promise<Iterable<Series>> {
    if (!metric.isAwaited) return this.#read().of(metric);
    return this.#readAwaited().then((reading) => reading.of(metric));
  }

  // --- internal ---

  #read(): MetricReading {
    if (this.#reading !== undefined) return this.#reading;
    const reading = this.#reader.read();
    this.#reading = reading;
    void this.#forgetSoon();
    return reading;
  }

  #readAwaited(): Promise<MetricReading> {
    if (this.#awaited !== undefined) return this.#awaited;
    const reading = this.#reader.readAwaited();
    this.#awaited = reading;
    void this.#forgetSoon();
    return reading;
  }

  async #forgetSoon(): Promise<void> {
    await Promise.resolve();
    this.#reading = undefined; // (1)
    this.#awaited = undefined;
  }
}
