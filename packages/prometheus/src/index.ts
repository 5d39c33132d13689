/**
 * Holdfast for Prometheus: every public name, grouped by concept.
 *
 * @module
 */

// Exporter
export { type PrometheusExporter, prometheus } from './prometheus.ts';
export { type PrometheusOptions, prometheusDefaults } from './prometheus-options.ts';
export { type PrometheusRegister } from './metric-set.ts';

// What is exported
export { type MetricDescription } from './metric-row.ts';
export { metricDescriptions } from './metric-table.ts';

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
