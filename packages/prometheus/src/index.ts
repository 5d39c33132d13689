/**
 * Holdfast for Prometheus: every public name, grouped by concept.
 *
 * @module
 */

// Exporter
export { type PrometheusExporter, type PrometheusOptions, prometheus, prometheusDefaults } from './prometheus.ts';
export { type PrometheusRegister } from './metric-set.ts';

// What is exported
export { type DegradationSource, type FeatureReading } from './degradation-source.ts';
export { type ContextReading, type ContextSource, type HistogramReading } from './context-source.ts';
export { type MetricDescription, metricDescriptions } from './metric-table.ts';
