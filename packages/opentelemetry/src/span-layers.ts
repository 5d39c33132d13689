/**
 * Span layers: what stands between the policies of a traced pipeline, and makes spans of the calls that pass.
 *
 *   call layer ─► [arrival] ─► retry ─► attempt layer ─► [arrival] ─► bulkhead ─► [departure] ─► activation ─► operation
 *
 * Invariants
 *  (1) A layer reports what it was told, once, by identity; spans change nothing about a call.
 *  (2) A layer that finds no span in the context makes none.
 *  (3) The operation runs in the OpenTelemetry context of its call, with the span of its attempt active, in whatever turn; so
 *      does what policies run themselves: a store that is asked, a function of the user's.
 *
 * @module
 */

import { type Clock, type Context, type ContextKey, type Layer, type Sink, reportHookError } from '@holdfast/core';
import type { Attributes } from '@opentelemetry/api';

import { type OpenSpan, type SpanStart, startSpan } from './open-span.ts';
import { type CarriedTrace, carryTrace, openSpanKey, parentOf, takeBaggage } from './parent-context.ts';
import { type WatchedPolicy, arrive } from './passage.ts';
import { runIn } from './running-in.ts';
import type { HiddenNames, ShownNames } from './shown-names.ts';
import { ReturnSink, SpanSink, WaitingSink, noteWait } from './span-sinks.ts';
import type { TracerSource } from './tracer-source.ts';

/** What all layers of one registry share. */
export interface TracingSettings {
  readonly clock: Clock;
  readonly source: TracerSource;
  readonly names: ShownNames;
  readonly traceKey: ContextKey<CarriedTrace> | undefined;
  readonly baggage: ReadonlyMap<string, ContextKey<string>>;
  /** Whether a span was ever made, so that there may be one in a context. */
  hasSpans: boolean;
  /** Called before the first span is made. */
  readonly onFirstSpan: () => void;
}

/** What a span is called, and what it says from its start on. */
export interface SpanLabel {
  readonly name: string;
  readonly attributes: Attributes;
}

/** A span for each call of what is traced. */
export function callLayer(label: SpanLabel, settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const own = guarded(label.name, context, () => takeBaggage(context, settings.baggage));
    const open = guarded(label.name, undefined, () => startCall(label, own, settings));
    if (open === undefined) {
      inner(operation, own, sink, now); // (2)
      return;
    }
    const within = own.withValue(openSpanKey, open);
    runIn(open, () => inner(operation, within, new SpanSink(open, own, sink), now)); // (3)
  };
}

/** A span for each call of a pipeline that is part of the traced one. */
export function partLayer(label: SpanLabel, settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const open = childOf(parentIn(context, settings), label);
    if (open === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    const within = context.withValue(openSpanKey, open);
    runIn(open, () => inner(operation, within, new SpanSink(open, context, sink), now));
  };
}

/** A span for each attempt that a policy makes of a call. */
export function attemptLayer({ key }: WatchedPolicy, label: SpanLabel, settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const parent = parentIn(context, settings);
    const passage = parent === undefined ? undefined : context.value(key);
    if (passage !== undefined) passage.attempts++;
    const attributes = { ...label.attributes, 'holdfast.attempt': passage?.attempts };
    const open = passage === undefined ? undefined : childOf(parent, { name: label.name, attributes });
    if (open === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    const within = context.withValue(openSpanKey, open);
    runIn(open, () => inner(operation, within, new SpanSink(open, context, sink), now));
  };
}

/** Says of the span of a call what is known only of the member, and has names in that not be shown of it. */
export function memberLayer(hidden: HiddenNames, attributes: Attributes, settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const open = parentIn(context, settings);
    open?.hide(hidden);
    open?.setAttributes(attributes);
    inner(operation, context, sink, now);
  };
}

/** Notes that a call comes to a policy that may run it several times, or let it wait. */
export function arrivalLayer(policy: WatchedPolicy, settings: TracingSettings): Layer {
  const { clock } = settings;
  return (inner) => (operation, context, sink, now) => {
    const open = parentIn(context, settings);
    if (open === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    const [own, passage] = arrive(context, policy, clock);
    const waiting = policy.hasWaits ? new WaitingSink({ open, passage, policy, clock }, sink) : sink;
    inner(operation, own, waiting, now);
    passage.hasTurnEnded = true;
  };
}

/** Notes that a call leaves a policy in which it may have waited: whose turn it is now is anybody's. */
export function departureLayer(policy: WatchedPolicy, settings: TracingSettings): Layer {
  const { clock } = settings;
  return (inner) => (operation, context, sink, now) => {
    const open = parentIn(context, settings);
    const passage = open === undefined ? undefined : context.value(policy.key);
    if (open === undefined || passage === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    noteWait({ open, passage, policy, clock }, true);
    runIn(open, () => inner(operation, context, sink, now)); // (3)
  };
}

/** Has what comes outward, in whatever turn, run as code of the call. */
export function returnLayer(settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const open = parentIn(context, settings);
    inner(operation, context, open === undefined ? sink : new ReturnSink(open, sink), now);
  };
}

/** Runs the operation with the span that it belongs to active. */
export function activationLayer(settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const open = settings.hasSpans ? context.value(openSpanKey) : undefined;
    if (open === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    const own = carrying(context, open, settings);
    const outward: Sink = new ReturnSink(open, sink);
    runIn(open, () => inner(operation, own, outward, now)); // (3)
  };
}

// --- internal ---

/** Starts the span of a call, under what it is to be put under. */
function startCall({ name, attributes }: SpanLabel, context: Context, settings: TracingSettings): OpenSpan | undefined {
  const { source, names, traceKey } = settings;
  const tracer = source.tracer();
  if (tracer === undefined) return undefined;
  if (!settings.hasSpans) {
    settings.hasSpans = true;
    settings.onFirstSpan();
  }
  const base = parentOf(context, traceKey);
  const outside = context.value(openSpanKey);
  return startSpan({ tracer, name, attributes, base, parent: undefined, outside, names });
}

function childOf(parent: OpenSpan | undefined, { name, attributes }: SpanLabel): OpenSpan | undefined {
  if (parent === undefined) return undefined;
  const { tracer, otelContext: base, names } = parent;
  const start: SpanStart = { tracer, name, attributes, base, parent, outside: parent, names };
  return startSpan(start);
}

/** The span in a context, if anybody sees it. What goes on after its call has ended is part of no call. */
function parentIn(context: Context, { hasSpans }: TracingSettings): OpenSpan | undefined {
  if (!hasSpans) return undefined;
  const open = context.value(openSpanKey);
  return open !== undefined && open.isRecording && open.isOpen ? open : undefined;
}

function carrying(context: Context, open: OpenSpan, { traceKey }: TracingSettings): Context {
  if (traceKey === undefined) return context;
  return guarded('traceKey', context, () => carryTrace(context, traceKey, open));
}

/** What an API or an SDK says, or `otherwise` where it throws, which is reported. */
function guarded<T>(name: string, otherwise: T, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    reportHookError('opentelemetry.context', error, name); // (1)
    return otherwise;
  }
}
