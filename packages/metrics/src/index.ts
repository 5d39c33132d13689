/**
 * Holdfast metrics: every public name, grouped by concept.
 *
 * @module
 */

// What there is
export { type Metric, type MetricDescription } from './metric-row.ts';
export { metricTable } from './metric-table.ts';

// Reading it
export { type MetricReader, type MetricReading, type MetricSubscription, createMetricReader } from './metric-reader.ts';
export { type Series } from './series-table.ts';
export type { Exemplar, HistogramPart } from './sample.ts';
export { OTHER } from './name-cap.ts';

// Options that every exporter has
export {
  type MetricSources,
  type MetricSourcesOptions,
  type OwnOptions,
  metricSourcesDefaults,
  resolveSources,
} from './metric-sources.ts';

// Durations of calls
export { type CallDurations, type DurationMeter, type DurationReading } from './call-durations.ts';
export { type CallBucketsSettings, callBuckets } from './call-recorder.ts';

// Where it comes from
export { type ContextReading, type ContextSource, type HistogramReading } from './context-source.ts';
export { type DegradationSource, type FeatureReading } from './degradation-source.ts';
export {
  type BrownoutReading,
  type BrownoutSource,
  type OutboxReading,
  type OutboxSource,
  type SqlReading,
  type SqlSource,
  type SupervisorReading,
  type SupervisorSource,
  type TrackerReading,
  type TrackerSource,
} from './service-source.ts';
export {
  type ConsumerReading,
  type ConsumerSource,
  type GrpcReading,
  type GrpcSource,
  type HttpReading,
  type HttpRequestOutcome,
  type HttpSource,
} from './incoming-source.ts';
export { type StoreHealthReading, type StoreRequests, type StoreSource } from './store-source.ts';
