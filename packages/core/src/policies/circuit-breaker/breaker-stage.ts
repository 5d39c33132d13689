/**
 * Breaker stage: the layer of a circuit breaker around what is inside it.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import type { Operation, Sink } from '../../kernel/handler.ts';
import type { Stage } from '../../kernel/stage.ts';
import { ClosedCall } from './admitted-call.ts';
import type { Breaker } from './breaker.ts';

/** Lets a call pass where the breaker has no questions, and asks it otherwise. */
export class BreakerStage implements Stage {
  private readonly breaker: Breaker;
  private readonly inner: Stage;

  constructor(breaker: Breaker, inner: Stage) {
    this.breaker = breaker;
    this.inner = inner;
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    const { breaker, inner } = this;
    if (breaker.passes)
      inner.handle(operation, context, new ClosedCall(breaker, context, sink, breaker.circuit.generation), now);
    else breaker.admit(inner, { operation, context, sink }, now);
  }
}
