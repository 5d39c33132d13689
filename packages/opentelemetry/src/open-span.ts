/**
 * Open span: a span of a call, or of one attempt in it, from its start to its end, and what happens to it in between.
 *
 *   call ──┬─► attempt ─► end          a call that ends, ends what is still open in it
 *          └─► attempt ───────────►┐
 *   end ◄─────────────────────────-┘
 *
 * Invariants
 *  (1) A span is ended exactly once, at the latest when the call that it is part of ends.
 *  (2) What an SDK, a processor or an exporter throws is reported, and changes nothing for the call.
 *  (3) An error is recorded once on its way outward: on the innermost span that it ended, also of calls within calls.
 *  (4) A call that was cancelled has failed nobody: its span has no error.
 *
 * @module
 */

import { type CallOutcome, reportHookError } from '@holdfast/core';
import {
  type Attributes,
  type Context as OtelContext,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';

import { errorTypeOf, reasonOf } from './error-type.ts';
import type { HiddenNames, ShownNames } from './shown-names.ts';

/** What a span is started with. */
export interface SpanStart {
  readonly tracer: Tracer;
  readonly name: string;
  readonly attributes: Attributes;
  /** What the span is put under. */
  readonly base: OtelContext;
  /** The span of ours that it is part of. */
  readonly parent: OpenSpan | undefined;
  /** The span of ours whose code makes the call: `parent`, or that of a call in whose operation this one is made. */
  readonly outside: OpenSpan | undefined;
  readonly names: ShownNames;
}

/** Starts a span. Undefined, and reported, where the SDK throws. */
export function startSpan(start: SpanStart): OpenSpan | undefined {
  const { tracer, name, attributes, base } = start;
  try {
    return new OpenSpan(start, tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, base));
  } catch (error) {
    reportHookError('opentelemetry.startSpan', error, name); // (2)
    return undefined;
  }
}

/** One span, until it has ended. */
export class OpenSpan {
  readonly span: Span;
  readonly tracer: Tracer;
  /** Active while the work of this span runs. */
  readonly otelContext: OtelContext;
  readonly parent: OpenSpan | undefined;
  readonly outside: OpenSpan | undefined;
  /** Active around the call. */
  readonly base: OtelContext;
  readonly names: ShownNames;
  /** Whether anybody sees it; where not, it is there for what is inside to know that. */
  readonly isRecording: boolean;
  readonly #name: string;
  readonly #children = new Set<OpenSpan>();
  #hidden: readonly HiddenNames[] = [];
  #recorded: unknown = undefined;
  #isOpen = true;

  constructor({ name, tracer, base, parent, outside, names }: SpanStart, span: Span) {
    this.#name = name;
    this.span = span;
    this.tracer = tracer;
    this.parent = parent;
    this.outside = outside;
    this.base = base;
    this.names = names;
    this.otelContext = trace.setSpan(base, span);
    this.isRecording = span.isRecording();
    if (parent !== undefined) parent.#children.add(this);
  }

  /** Whether it has not ended yet. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The names in the members that its call, or what that is part of, runs in. */
  get hidden(): readonly HiddenNames[] {
    return this.parent === undefined ? this.#hidden : [...this.#hidden, ...this.parent.hidden];
  }

  /** Has names not be shown in what it says. */
  hide(hidden: HiddenNames): void {
    if (hidden.size > 0 && !this.#hidden.includes(hidden)) this.#hidden = [...this.#hidden, hidden];
  }

  /** Says more about it, while it is open. */
  setAttributes(attributes: Attributes): void {
    if (this.#isOpen) this.#try('setAttributes', () => this.span.setAttributes(attributes));
  }

  /** Adds an event, while it is open. */
  addEvent(name: string, attributes: Attributes): void {
    if (this.#isOpen) this.#try('addEvent', () => this.span.addEvent(name, attributes));
  }

  /** Ends it. The second time does nothing. */
  end(outcome: CallOutcome | 'abandoned', error?: unknown): void {
    if (!this.#isOpen) return; // (1)
    this.#isOpen = false;
    for (const child of this.#children) child.end('abandoned');
    this.#children.clear();
    if (this.parent !== undefined) this.parent.#children.delete(this);
    if (this.isRecording) this.#try('setAttributes', () => this.#describe(outcome, error));
    this.#try('end', () => this.span.end());
  }

  // --- internal ---

  #describe(outcome: CallOutcome | 'abandoned', error: unknown): void {
    const { span } = this;
    span.setAttribute('holdfast.outcome', outcome);
    if (outcome !== 'failure' && outcome !== 'rejected') return; // (4)
    const reason = reasonOf(error);
    span.setAttribute('error.type', errorTypeOf(error));
    if (reason !== undefined) span.setAttribute('holdfast.reason', reason);
    const exception = error instanceof Error ? exceptionOf(error, this) : undefined;
    const message: unknown = exception?.message;
    span.setStatus({ code: SpanStatusCode.ERROR, ...(typeof message === 'string' && { message }) });
    if (exception !== undefined && this.#recorded !== error) span.recordException(exception); // (3)
    if (this.outside !== undefined) this.outside.#recorded = error;
  }

  #try(what: string, act: () => unknown): void {
    try {
      act();
    } catch (error) {
      reportHookError(`opentelemetry.${what}`, error, this.#name); // (2)
    }
  }
}

/** What is recorded of an error: itself, or what is shown of one of ours that names a member. */
function exceptionOf(
  error: Error,
  { names, hidden }: OpenSpan,
): Error | { code: string; message: string; stack: string } {
  const message = names.messageOf(error, hidden);
  if (message === error.message) return error;
  return { code: errorTypeOf(error), message, stack: `${error.name}: ${message}` };
}
