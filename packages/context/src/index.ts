/**
 * Holdfast context: every public name, grouped by concept.
 *
 * @module
 */

// Codec
export { type ContextCodec, createContextCodec } from './codec/context-codec.ts';
export { type ContextCodecOptions, contextCodecDefaults } from './codec/codec-options.ts';
export { type DropCounts, type DropReason } from './codec/drops.ts';
export { type CarrierReader, type CarrierWriter } from './codec/carrier.ts';
export { type WallClock } from './codec/wall-clock.ts';

// What travels
export { type ContextField, type FieldValue } from './schema/context-field.ts';
export {
  type ContextFields,
  type ContextSchema,
  type ContextSchemaDefinition,
  defineContextSchema,
} from './schema/context-schema.ts';
export { type SchemaChange, type SchemaComparison, compareContextSchemas } from './schema/schema-comparison.ts';
export { type Criticality, criticalities, criticality, criticalityOf, priorityOf } from './codec/criticality.ts';
export { isRequestId, requestId } from './formats/request-id.ts';
export { type TraceContext, startTrace, traceContext } from './formats/trace-context.ts';

// Formats, as pure functions
export {
  type TimeLeftFormat,
  type TimeLeftHeader,
  formatGoDuration,
  formatGrpcTimeout,
  formatUnixNano,
  parseGoDuration,
  parseGrpcTimeout,
  parseUnixNano,
  timeLeftFormats,
} from './formats/time-left.ts';
export { formatBaggage, parseBaggage } from './formats/baggage.ts';
export { formatTraceparent, parseTraceparent } from './formats/trace-context.ts';

// Ambient context
export { type Ambient, BrokenContextChainError, ambient } from './ambient/ambient.ts';
export { type EmitterLike } from './ambient/ambient-emitter.ts';

// Governance
export {
  type ContextValuesOf,
  ContextValueError,
  type ValueGuard,
  type ValueGuardOptions,
  createValueGuard,
  valueGuardDefaults,
} from './schema/value-guard.ts';
export {
  type ContextLeak,
  type ContextMonitor,
  type ContextMonitorOptions,
  type ContextSnapshot,
  contextMonitorDefaults,
  createContextMonitor,
} from './monitor/context-monitor.ts';
export { type HistogramSnapshot } from './monitor/histogram.ts';
export { type Enricher } from './enrichment/enricher.ts';
export {
  type EnricherReading,
  type Enrichment,
  type EnrichmentChanges,
  type EnrichmentMode,
  type EnrichmentOptions,
  createEnrichment,
  enrichmentDefaults,
} from './enrichment/enrichment.ts';
