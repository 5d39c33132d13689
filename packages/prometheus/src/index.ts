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
export { metricDescriptions } from './metric-descriptions.ts';
export type { MetricDescription } from '@holdfast/metrics';

// Where it comes from
export type {
  BrownoutReading,
  BrownoutSource,
  ConsumerReading,
  ConsumerSource,
  ContextReading,
  ContextSource,
  DegradationSource,
  FeatureReading,
  GrpcReading,
  GrpcSource,
  HistogramReading,
  HttpReading,
  HttpRequestOutcome,
  HttpSource,
  OutboxReading,
  OutboxSource,
  SqlReading,
  SqlSource,
  StoreHealthReading,
  StoreRequests,
  StoreSource,
  SupervisorReading,
  SupervisorSource,
  TrackerReading,
  TrackerSource,
} from '@holdfast/metrics';
