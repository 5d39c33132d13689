/**
 * Call durations: how long the calls of pipelines took, told to a histogram of OpenTelemetry as they end.
 *
 * Invariants
 *  (1) Where not all calls are measured, one that is counts for those that it stands for.
 *  (2) At most `maxNames` names of pipelines are told apart at a time; the others are told together, as `__other__`.
 *
 * @module
 */

import type { MeasuredCall } from '@holdfast/core';
import { type DurationMeter, OTHER } from '@holdfast/metrics';
import type { Attributes, Histogram } from '@opentelemetry/api';

/** The histogram of all pipelines, and the names that it tells apart. */
export class CallDurations {
  readonly #histogram: Histogram;
  /** Meters of each name that is told apart. */
  readonly #meterCounts = new Map<string, number>();

  constructor(histogram: Histogram) {
    this.#histogram = histogram;
  }

  /** Makes what is told of the calls of a pipeline. */
  meterOf(pipeline: string, maxNames: number): DurationMeter {
    const histogram = this.#histogram;
    const name = this.#enter(pipeline, maxNames);
    const byOutcome = Object.fromEntries(
      (['success', 'failure', 'rejected', 'cancelled'] as const).map((outcome) => [outcome, { name, outcome }]),
    );
    return {
      record({ outcome, durationMs, callCount }: MeasuredCall): void {
        const attributes = byOutcome[outcome] as Attributes;
        for (let each = 0; each < callCount; each++) histogram.record(durationMs / 1000, attributes); // (1)
      },
      close: () => this.#leave(name),
    };
  }

  // --- internal ---

  #enter(name: string, maxNames: number): string {
    const count = this.#meterCounts.get(name) ?? 0;
    if (count === 0 && this.#meterCounts.size >= maxNames) return OTHER; // (2)
    this.#meterCounts.set(name, count + 1);
    return name;
  }

  #leave(name: string): void {
    const count = this.#meterCounts.get(name);
    if (count === 1) this.#meterCounts.delete(name);
    else if (count !== undefined) this.#meterCounts.set(name, count - 1);
  }
}
