/**
 * Pipeline stages: what stands in a pipeline beside its policies: the border between two clocks, and what counts the calls of
 * a pipeline that is part of another policy.
 *
 * @module
 */

import type { CallMeters, MeteredCall } from './call-meter.ts';
import { UNREAD, readOnce } from './clock.ts';
import type { Context } from './context.ts';
import type { Operation, Sink } from './handler.ts';
import type { TapSwitch } from './pipeline-tap.ts';
import type { Tally } from './root-sink.ts';
import type { Stage } from './stage.ts';

/** A border between layers on different clocks. */
export class ForgetfulStage implements Stage {
  readonly inner: Stage;

  constructor(inner: Stage) {
    this.inner = inner;
  }

  handle(operation: Operation, context: Context, sink: Sink): void {
    this.inner.handle(operation, context, new ForgetfulSink(sink), UNREAD);
  }
}

/** Counts the calls of a pipeline that is a layer of another policy. */
export class CountingStage implements Stage {
  readonly inner: TapSwitch;
  readonly tally: Tally;

  constructor(inner: TapSwitch, tally: Tally) {
    this.inner = inner;
    this.tally = tally;
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    const { tally } = this;
    tally.start();
    const call = new CountedCall(tally, context, sink);
    if (tally.meters !== undefined) call.measure(tally.meters, now);
    this.inner.now().handle(operation, context, call, now);
  }
}

// --- internal ---

class ForgetfulSink implements Sink {
  readonly sink: Sink;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  resolve(value: unknown): void {
    this.sink.resolve(value, UNREAD);
  }

  reject(error: unknown): void {
    this.sink.reject(error, UNREAD);
  }

  refuse(error: unknown): void {
    this.sink.refuse(error, UNREAD);
  }
}

class CountedCall implements Sink {
  readonly tally: Tally;
  readonly context: Context;
  readonly sink: Sink;
  metered: MeteredCall | undefined = undefined;

  constructor(tally: Tally, context: Context, sink: Sink) {
    this.tally = tally;
    this.context = context;
    this.sink = sink;
  }

  measure(meters: CallMeters, now: number): void {
    const callCount = meters.take();
    if (callCount > 0) this.metered = meters.begin(callCount, readOnce(meters.clock, now));
  }

  resolve(value: unknown, now: number): void {
    this.tally.resolve();
    if (this.metered !== undefined) this.metered.end('success', this.context, now);
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.count(error, now);
    this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.count(error, now);
    this.sink.refuse(error, now);
  }

  private count(error: unknown, now: number): void {
    const outcome = this.tally.reject(error, this.context);
    if (this.metered !== undefined) this.metered.end(outcome, this.context, now);
  }
}
