/**
 * Instrument set: the instruments of one meter under one prefix, and what they are read from.
 *
 *   the SDK collects ─┬─► what is known at once is read, each thing once
 *                     └─► outboxes are asked, and waited for, for a second
 *
 * Invariants
 *  (1) There is one set per meter and prefix: what is shown twice is counted once.
 *  (2) Everything is read when the SDK collects, and at no other time.
 *  (3) When the last source leaves, nothing is read any more.
 *
 * @module
 */

import {
  type HistogramPart,
  type Metric,
  type MetricReading,
  type MetricSources,
  type Series,
  createMetricReader,
  metricTable,
} from '@holdfast/metrics';
import type { BatchObservableCallback, BatchObservableResult, Meter, Observable } from '@opentelemetry/api';

import { CallDurations } from './call-durations.ts';
import { instrumentName, instrumentUnit, partName, partUnit } from './instrument-name.ts';

/** Returns the instruments of `meter` under `prefix`; makes them where there are none. */
export function instrumentSetOf(meter: Meter, prefix: string): InstrumentSet {
  const byPrefix = setsByMeter.get(meter) ?? new Map<string, InstrumentSet>();
  setsByMeter.set(meter, byPrefix);
  const set = byPrefix.get(prefix) ?? new InstrumentSet(meter, prefix);
  byPrefix.set(prefix, set); // (1)
  return set;
}

/** The instruments of one meter under one prefix. */
export class InstrumentSet {
  readonly #meter: Meter;
  readonly #prefix: string;
  readonly #shownMetrics: readonly ShownMetric[];
  readonly #reader = createMetricReader('opentelemetry');
  readonly #callbacks: readonly [BatchObservableCallback, Observable[]][];
  #durations: CallDurations | undefined;

  constructor(meter: Meter, prefix: string) {
    this.#meter = meter;
    this.#prefix = prefix;
    this.#shownMetrics = metricTable.filter(isRead).map((metric) => shownBy(meter, metric, prefix));
    this.#callbacks = [
      [(result) => this.#observe(this.#reader.read(), false, result), this.#observables(false)],
      [async (result) => this.#observe(await this.#reader.readAwaited(), true, result), this.#observables(true)],
    ];
  }

  /** Shows what is in `sources`. Without bounds durations are not measured. Seconds. Returns what ends it. */
  add(sources: MetricSources, boundsSeconds: readonly number[]): () => void {
    if (this.#reader.isEmpty) {
      for (const [callback, observables] of this.#callbacks)
        this.#meter.addBatchObservableCallback(callback, observables);
    }
    const subscription = this.#reader.add(sources, {
      boundsMs: boundsSeconds.map((bound) => bound * 1000),
      meterOf: (pipeline) => this.#durationsWith(boundsSeconds).meterOf(pipeline, sources.maxNames),
    });
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      subscription.close();
      if (this.#reader.isEmpty) this.#stop();
    };
  }

  // --- internal ---

  #stop(): void {
    for (const [callback, observables] of this.#callbacks)
      this.#meter.removeBatchObservableCallback(callback, observables); // (3)
  }

  /** Those of the first that wanted any: an SDK knows one histogram of a name. */
  #durationsWith(boundsSeconds: readonly number[]): CallDurations {
    this.#durations ??= new CallDurations(
      this.#meter.createHistogram(`${this.#prefix}call.duration`, {
        description: 'Time that calls of a pipeline took, by how they ended.',
        unit: 's',
        advice: { explicitBucketBoundaries: [...boundsSeconds] },
      }),
    );
    return this.#durations;
  }

  #observables(isAwaited: boolean): Observable[] {
    const shown = this.#shownMetrics.filter(({ metric }) => metric.isAwaited === isAwaited);
    return shown.flatMap(({ observables }) => observables);
  }

  #observe(reading: MetricReading, isAwaited: boolean, result: BatchObservableResult): void {
    for (const { metric, observe } of this.#shownMetrics) {
      if (metric.isAwaited !== isAwaited) continue;
      for (const series of reading.of(metric)) observe(series, result); // (2)
    }
  }
}

// --- internal ---

const setsByMeter = new WeakMap<Meter, Map<string, InstrumentSet>>();

/** A metric, the instruments that show it, and how they do. */
interface ShownMetric {
  readonly metric: Metric;
  readonly observables: readonly Observable[];
  readonly observe: (series: Series, result: BatchObservableResult) => void;
}

/** Durations of calls are told as calls end; all else is read. */
function isRead({ name }: Metric): boolean {
  return name !== 'call_duration_seconds';
}

function shownBy(meter: Meter, metric: Metric, prefix: string): ShownMetric {
  if (metric.type === 'histogram') return shownInParts(meter, metric, prefix);
  const instrument = instrumentOf(meter, metric, prefix);
  return {
    metric,
    observables: [instrument],
    observe: ({ labels, value }, result) => result.observe(instrument, value, labels),
  };
}

function instrumentOf(meter: Meter, metric: Metric, prefix: string): Observable {
  const name = instrumentName(metric, prefix);
  const options = { description: metric.help, unit: instrumentUnit(metric) };
  if (metric.type === 'counter') return meter.createObservableCounter(name, options);
  return metric.fold === 'sum'
    ? meter.createObservableUpDownCounter(name, options)
    : meter.createObservableGauge(name, options);
}

/** A histogram that somebody else has kept: nothing takes one as a whole, so its parts are shown. */
function shownInParts(meter: Meter, metric: Metric, prefix: string): ShownMetric {
  const partOf = (part: HistogramPart): Observable =>
    meter.createObservableUpDownCounter(partName(metric, prefix, part), {
      description: `${metric.help} ${partTexts[part]}`,
      unit: partUnit(metric, part),
    });
  const instruments = { bucket: partOf('bucket'), sum: partOf('sum'), count: partOf('count') };
  return {
    metric,
    observables: Object.values(instruments),
    observe: ({ labels, part = 'bucket', value }, result) => result.observe(instruments[part], value, labels),
  };
}

const partTexts = { bucket: 'How many were at most `le`.', sum: 'All together.', count: 'How many.' } as const;
