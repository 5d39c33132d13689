/**
 * Span sinks: how the outcome of a call goes outward through what traces it.
 *
 * Invariants
 *  (1) A sink reports what it was told, once, by identity.
 *  (2) What is further out runs as code of its own span, with that active, in whatever turn the outcome came: what answers in
 *      place of an attempt, as a fallback does, is work of the call, not of the attempt that has ended.
 *
 * @module
 */

import type { Clock, Context, Sink } from '@holdfast/core';

import { outcomeOf } from './error-type.ts';
import type { OpenSpan } from './open-span.ts';
import type { Passage, WatchedPolicy } from './passage.ts';
import { runIn, runOutside } from './running-in.ts';

/** Ends a span with the outcome of its call. */
export class SpanSink implements Sink {
  readonly #open: OpenSpan;
  readonly #context: Context;
  readonly #sink: Sink;

  constructor(open: OpenSpan, context: Context, sink: Sink) {
    this.#open = open;
    this.#context = context;
    this.#sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.#open.end('success');
    runOutside(this.#open, () => this.#sink.resolve(value, now)); // (2)
  }

  reject(error: unknown, now: number): void {
    this.#open.end(outcomeOf(error, this.#context), error);
    runOutside(this.#open, () => this.#sink.reject(error, now));
  }

  refuse(error: unknown, now: number): void {
    this.#open.end(outcomeOf(error, this.#context), error);
    runOutside(this.#open, () => this.#sink.refuse(error, now));
  }
}

/** Reports as code of the call of a span that goes on. */
export class ReturnSink implements Sink {
  readonly #open: OpenSpan;
  readonly #sink: Sink;

  constructor(open: OpenSpan, sink: Sink) {
    this.#open = open;
    this.#sink = sink;
  }

  resolve(value: unknown, now: number): void {
    runIn(this.#open, () => this.#sink.resolve(value, now)); // (2)
  }

  reject(error: unknown, now: number): void {
    runIn(this.#open, () => this.#sink.reject(error, now));
  }

  refuse(error: unknown, now: number): void {
    runIn(this.#open, () => this.#sink.refuse(error, now));
  }
}

/** A call that may wait in a policy. */
export interface Waiting {
  readonly open: OpenSpan;
  readonly passage: Passage;
  readonly policy: WatchedPolicy;
  readonly clock: Clock;
}

/** Notes the wait of a call that left without having been admitted. */
export class WaitingSink implements Sink {
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
    noteWait(this.#waiting, false);
    this.#sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    noteWait(this.#waiting, false);
    this.#sink.refuse(error, now);
  }
}

/** Notes that a call has waited, once, if it has. */
export function noteWait({ open, passage, policy, clock }: Waiting, isAdmitted: boolean): void {
  if (passage.attempts++ > 0 || !passage.hasTurnEnded) return;
  open.addEvent('holdfast.waited', {
    'holdfast.policy': policy.kind,
    'holdfast.name': policy.name,
    'holdfast.wait.duration': Math.max(0, clock.now() - passage.arrivedAt) / 1000,
    'holdfast.wait.admitted': isAdmitted,
  });
}
