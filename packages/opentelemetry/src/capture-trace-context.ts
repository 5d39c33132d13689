/**
 * Capture trace context: the port `captureAsyncContext` of policies and registries for those who have OpenTelemetry's context
 * and no other: what waited in a queue starts in the context of its own call.
 *
 * Traced pipelines run their operations, and what their policies run themselves, in the context of their calls by themselves;
 * this is for all the rest: policies that are part of no pipeline, and pipelines that are not traced.
 *
 * @module
 */

import type { CaptureAsyncContext } from '@holdfast/core';
import { context as otel } from '@opentelemetry/api';

/**
 * Captures the active context of OpenTelemetry, and returns what runs a function in it.
 *
 * @example
 * ```ts
 * const registry = createRegistry({ captureAsyncContext: captureTraceContext });
 * ```
 */
export const captureTraceContext: CaptureAsyncContext = () => {
  const active = otel.active();
  return (fn) => otel.with(active, fn);
};
