/**
 * Holdfast for OpenTelemetry: every public name.
 *
 * @module
 */

// Spans
export { type CallTracing, type CarriedTrace, type TraceCallsOptions, traceCalls } from './trace-calls.ts';
export { captureTraceContext } from './capture-trace-context.ts';

// Metrics
export {
  type ExportMetricsOptions,
  type MetricsExport,
  exportMetrics,
  exportMetricsDefaults,
} from './export-metrics.ts';
