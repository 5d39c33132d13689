/**
 * Parent context: what a call's span is put under, and what its context takes over from OpenTelemetry.
 *
 *   the context carries a span of ours?  yes ─► the active span if it is of the same trace (it is nearer), else ours
 *                │ no
 *   a span is active?                    yes ─► that one
 *                │ no
 *   the context carries a trace?         yes ─► that: the caller's, as its `traceparent` said
 *                │ no
 *                └─► nothing: a trace begins here
 *
 * Invariants
 *  (1) What was handed on explicitly, in the context, wins over what the turn happens to be in.
 *  (2) Of baggage, only what was named is taken over, and never over a value that is there.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from '@holdfast/core';
import {
  type Context as OtelContext,
  TraceFlags,
  context as otel,
  createTraceState,
  isSpanContextValid,
  propagation,
  trace,
} from '@opentelemetry/api';

import type { OpenSpan } from './open-span.ts';

/** The identity of a request, as `traceContext` of `@holdfast/context` holds it. */
export interface CarriedTrace {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** What tracing systems keep with it. */
  readonly state?: string | undefined;
}

/** Under this key a context carries the span of ours that its work belongs to. */
export const openSpanKey: ContextKey<OpenSpan> = contextKey<OpenSpan>('the span of a call');

/** Returns what the span of a call under `context` is put under. */
export function parentOf(context: Context, traceKey: ContextKey<CarriedTrace> | undefined): OtelContext {
  const active = otel.active();
  const nearest = trace.getSpan(active);
  const own = context.value(openSpanKey);
  if (own !== undefined) {
    const isNear = nearest?.spanContext().traceId === own.span.spanContext().traceId;
    return isNear ? active : own.otelContext; // (1)
  }
  if (nearest !== undefined || traceKey === undefined) return active;
  const carried = context.value(traceKey);
  return carried === undefined ? active : underTrace(active, carried);
}

/** Returns `context` with a carried trace that is that of `open`. */
export function carryTrace(context: Context, traceKey: ContextKey<CarriedTrace>, open: OpenSpan): Context {
  const { traceId, spanId, traceFlags, traceState } = open.span.spanContext();
  const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
  return context.withValue(traceKey, { traceId, spanId, isSampled, state: traceState?.serialize() });
}

/** Returns `context` with the values of baggage that were named. */
export function takeBaggage(context: Context, keys: ReadonlyMap<string, ContextKey<string>>): Context {
  const baggage = keys.size === 0 ? undefined : propagation.getActiveBaggage();
  if (baggage === undefined) return context;
  let derived = context;
  for (const [name, key] of keys) {
    const entry = baggage.getEntry(name);
    if (entry !== undefined && derived.value(key) === undefined) derived = derived.withValue(key, entry.value); // (2)
  }
  return derived;
}

// --- internal ---

function underTrace(active: OtelContext, { traceId, spanId, isSampled, state }: CarriedTrace): OtelContext {
  const spanContext = {
    traceId,
    spanId,
    traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
  return isSpanContextValid(spanContext) ? trace.setSpanContext(active, spanContext) : active;
}
