/**
 * Telemetry lab: the official SDK with its in-memory exporters, registered for one test, and what it has seen as text.
 *
 * @module
 */

import { type Attributes, context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** A registered SDK. */
export interface TelemetryLab {
  readonly provider: BasicTracerProvider;
  /** The spans that have ended, in the order of their end. */
  spans(): ReadableSpan[];
  /** The spans as a tree, children in the order of their start. */
  tree(): string[];
  /** How many spans were started, ended or not. */
  readonly startedCount: number;
}

/** Registers the SDK; {@link endTelemetry} takes it out again. */
export function startTelemetry(
  options: { readonly sampler?: Sampler; readonly processors?: readonly SpanProcessor[] } = {},
): TelemetryLab {
  const exporter = new InMemorySpanExporter();
  const counting = new CountingProcessor();
  const provider = new BasicTracerProvider({
    spanProcessors: [counting, ...(options.processors ?? []), new SimpleSpanProcessor(exporter)],
    ...(options.sampler !== undefined && { sampler: options.sampler }),
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  return {
    provider,
    spans: () => exporter.getFinishedSpans(),
    tree: () => treeOf(exporter.getFinishedSpans(), counting.order),
    get startedCount() {
      return counting.order.length;
    },
  };
}

/** Takes out whatever is registered. */
export function endTelemetry(): void {
  trace.disable();
  context.disable();
  metrics.disable();
  propagation.disable();
}

// --- internal ---

/** Attributes as text, those of ours without their prefix. */
function textOf(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name.replace(/^holdfast\./, '')}=${String(value)}`)
    .join(' ');
}

class CountingProcessor implements SpanProcessor {
  /** Ids of the spans in the order of their start. */
  readonly order: string[] = [];

  onStart(span: { spanContext(): { readonly spanId: string } }): void {
    this.order.push(span.spanContext().spanId);
  }

  onEnd(): void {}

  forceFlush(): Promise<void> {
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function treeOf(spans: readonly ReadableSpan[], order: readonly string[]): string[] {
  const byStart = spans.toSorted((a, b) => order.indexOf(idOf(a)) - order.indexOf(idOf(b)));
  const known = new Set(spans.map(idOf));
  const lines = (span: ReadableSpan, indent: string): string[] => [
    `${indent}${span.name} ${textOf(visible(span.attributes))}`.trimEnd(),
    ...span.events.map((event) => `${indent}  * ${event.name} ${textOf(visible(event.attributes ?? {}))}`.trimEnd()),
    ...byStart
      .filter((child) => child.parentSpanContext?.spanId === idOf(span))
      .flatMap((child) => lines(child, `${indent}  `)),
  ];
  return byStart.filter((span) => !known.has(span.parentSpanContext?.spanId ?? '')).flatMap((span) => lines(span, ''));
}

function idOf(span: ReadableSpan): string {
  return span.spanContext().spanId;
}

/** Without what the name says already, and without stacks. */
function visible(attributes: Attributes): Attributes {
  const hidden = new Set(['holdfast.policy', 'holdfast.name', 'exception.stacktrace']);
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !hidden.has(name)));
}
