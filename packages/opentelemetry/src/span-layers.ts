/**
 * Span layers: what stands between the policies of a traced pipeline, and makes spans of the calls that pass.
 *
 *   call layer ─► [arrival] ─► retry ─► attempt layer ─► [arrival] ─► bulkhead ─► [departure] ─► activation ─► operation
 *
 * Invariants
 *  (1) A layer reports what it was told, once, by identity; spans change nothing about a call.
 *  (2) A layer that finds no span in the context makes none.
 *  (3) The operation runs in the OpenTelemetry context of its call, with the span of its attempt active, in whatever turn.
 *
 * @module
 */

import type { Clock, Context, ContextKey, Handler, Layer, Operation, Sink } from '@holdfast/core';

import { outcomeOf } from './error-type.ts';
import { type OpenSpan, type SpanStart, startSpan } from './open-span.ts';
import { type CarriedTrace, carryTrace, openSpanKey, parentOf, takeBaggage } from './parent-context.ts';
import { type Passage, type WatchedPolicy, arrive } from './passage.ts';
import { runUnder, runningIn } from './running-in.ts';
import type { TracerSource } from './tracer-source.ts';

/** What all layers of one registry share. */
export interface TracingSettings {
  readonly clock: Clock;
  readonly source: TracerSource;
  readonly traceKey: ContextKey<CarriedTrace> | undefined;
  readonly baggage: ReadonlyMap<string, ContextKey<string>>;
  /** Whether a span was ever made, so that there may be one in a context. */
  hasSpans: boolean;
  /** Called before the first span is made. */
  readonly onFirstSpan: () => void;
}

/** A span for each call of the pipeline called `name`. */
export function callLayer(name: string, settings: TracingSettings): Layer {
  const attributes = { 'holdfast.policy': 'pipeline', 'holdfast.name': name };
  return (inner) => (operation, context, sink, now) => {
    const own = takeBaggage(context, settings.baggage);
    const tracer = settings.source.tracer();
    if (tracer === undefined) {
      inner(operation, own, sink, now); // (2)
      return;
    }
    if (!settings.hasSpans) begin(settings);
    const base = parentOf(own, settings.traceKey);
    const parent = own.value(openSpanKey);
    const start: SpanStart = { tracer, name: `call ${name}`, attributes, base, parent: undefined };
    runInSpan(startSpan(start), parent, { inner, operation, context: own, sink, now });
  };
}

/** A span for each call of a pipeline that is part of the traced one. */
export function partLayer(name: string, settings: TracingSettings): Layer {
  const attributes = { 'holdfast.policy': 'pipeline', 'holdfast.name': name };
  return (inner) => (operation, context, sink, now) => {
    const parent = parentIn(context, settings);
    const open = parent === undefined ? undefined : startSpan(childOf(parent, `call ${name}`, attributes));
    runInSpan(open, parent, { inner, operation, context, sink, now });
  };
}

/** A span for each attempt that a policy makes of a call. */
export function attemptLayer({ kind, name, key }: WatchedPolicy, settings: TracingSettings): Layer {
  return (inner) => (operation, context, sink, now) => {
    const parent = parentIn(context, settings);
    const passage = parent === undefined ? undefined : context.value(key);
    if (parent === undefined || passage === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    const attributes = { 'holdfast.policy': kind, 'holdfast.name': name, 'holdfast.attempt': ++passage.attempts };
    const open = startSpan(childOf(parent, `${kind} ${name}`, attributes));
    runInSpan(open, parent, { inner, operation, context, sink, now });
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

/** Notes that a call leaves a policy in which it may have waited. */
export function departureLayer(policy: WatchedPolicy, settings: TracingSettings): Layer {
  const { clock } = settings;
  return (inner) => (operation, context, sink, now) => {
    const open = parentIn(context, settings);
    const passage = open === undefined ? undefined : context.value(policy.key);
    if (passage !== undefined && open !== undefined) noteWait({ open, passage, policy, clock }, true);
    inner(operation, context, sink, now);
  };
}

/** Runs the operation with the span that it belongs to active. */
export function activationLayer(settings: TracingSettings): Layer {
  const { traceKey } = settings;
  return (inner) => (operation, context, sink, now) => {
    const open = settings.hasSpans ? context.value(openSpanKey) : undefined;
    if (open === undefined) {
      inner(operation, context, sink, now); // (2)
      return;
    }
    const own = traceKey === undefined ? context : carryTrace(context, traceKey, open);
    const run = (): void => runningIn(open, () => inner(operation, own, new BelongingSink(open, sink), now));
    runUnder(open.otelContext, run); // (3)
  };
}

// --- internal ---

function begin(settings: TracingSettings): void {
  settings.hasSpans = true;
  settings.onFirstSpan();
}

interface Call {
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  readonly now: number;
}

/** Hands a call on within a span, if there is one. */
function runInSpan(
  open: OpenSpan | undefined,
  outside: OpenSpan | undefined,
  { inner, operation, context, sink, now }: Call,
): void {
  if (open === undefined) {
    inner(operation, context, sink, now); // (2)
    return;
  }
  const own = context.withValue(openSpanKey, open);
  runningIn(open, () => inner(operation, own, new SpanSink({ open, outside, context }, sink), now));
}

function childOf(parent: OpenSpan, name: string, attributes: SpanStart['attributes']): SpanStart {
  return { tracer: parent.tracer, name, attributes, base: parent.otelContext, parent };
}

/** The span in a context, if anybody sees it. What goes on after its call has ended is part of no call. */
function parentIn(context: Context, { hasSpans }: TracingSettings): OpenSpan | undefined {
  if (!hasSpans) return undefined;
  const open = context.value(openSpanKey);
  return open !== undefined && open.isRecording && open.isOpen ? open : undefined;
}

interface Waiting {
  readonly open: OpenSpan;
  readonly passage: Passage;
  readonly policy: WatchedPolicy;
  readonly clock: Clock;
}

/** Notes that a call has waited, once, if it has. */
function noteWait({ open, passage, policy, clock }: Waiting, isAdmitted: boolean): void {
  if (passage.attempts++ > 0 || !passage.hasTurnEnded) return;
  open.addEvent('holdfast.waited', {
    'holdfast.policy': policy.kind,
    'holdfast.name': policy.name,
    'holdfast.wait.duration': Math.max(0, clock.now() - passage.arrivedAt) / 1000,
    'holdfast.wait.admitted': isAdmitted,
  });
}

/** Ends a span with the outcome of its call, and reports that further out as code of the span outside. */
class SpanSink implements Sink {
  readonly #at: { readonly open: OpenSpan; readonly outside: OpenSpan | undefined; readonly context: Context };
  readonly #sink: Sink;

  constructor(at: { open: OpenSpan; outside: OpenSpan | undefined; context: Context }, sink: Sink) {
    this.#at = at;
    this.#sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.#at.open.end('success');
    this.#outward(() => this.#sink.resolve(value, now));
  }

  reject(error: unknown, now: number): void {
    this.#at.open.end(outcomeOf(error, this.#at.context), error);
    this.#outward(() => this.#sink.reject(error, now));
  }

  refuse(error: unknown, now: number): void {
    this.#at.open.end(outcomeOf(error, this.#at.context), error);
    this.#outward(() => this.#sink.refuse(error, now));
  }

  /** What answers in place of an attempt, as a fallback does, is work of the call, not of the attempt that has ended. */
  #outward(report: () => void): void {
    const { open, outside } = this.#at;
    const belonging = (): void => runningIn(outside, report);
    if (open.parent === undefined) belonging();
    else runUnder(open.parent.otelContext, belonging);
  }
}

/** Reports as code of the call of a span. */
class BelongingSink implements Sink {
  readonly #open: OpenSpan;
  readonly #sink: Sink;

  constructor(open: OpenSpan, sink: Sink) {
    this.#open = open;
    this.#sink = sink;
  }

  resolve(value: unknown, now: number): void {
    runningIn(this.#open, () => this.#sink.resolve(value, now));
  }

  reject(error: unknown, now: number): void {
    runningIn(this.#open, () => this.#sink.reject(error, now));
  }

  refuse(error: unknown, now: number): void {
    runningIn(this.#open, () => this.#sink.refuse(error, now));
  }
}

/** Notes the wait of a call that left without having been admitted. */
class WaitingSink implements Sink {
  readonly #waiting: Waiting;
  readonly #sink: Sink;

  constructor(waiting: Waiting, sink: Sink) {
    this.#waiting = waiting;
    this.#sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.#sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.#left(() => this.#sink.reject(error, now));
  }

  refuse(error: unknown, now: number): void {
    this.#left(() => this.#sink.refuse(error, now));
  }

  #left(report: () => void): void {
    noteWait(this.#waiting, false);
    runningIn(this.#waiting.open, report);
  }
}
