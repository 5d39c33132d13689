/**
 * Waiting line: calls that wait for a token, first come, first served.
 *
 * Invariants
 *  (1) Calls are handed out in the order in which they came.
 *  (2) A call whose context ends leaves at once, is refused with the cause, and is never handed out.
 *  (3) `totalCost` is what those in line cost.
 *
 * @module
 */

import type { CaptureAsyncContext, Context, Handler, Operation, Sink } from '@holdfast/core';
import { bindAsyncContext, UNREAD } from '@holdfast/core';

/** A call that has come, and all that its start takes. */
export interface Arrival {
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
}

/** A call in line. */
export interface WaitingCall {
  readonly arrival: Arrival;
  readonly cost: number;
  /** Instant at which it has waited for as long as it may. */
  readonly leavesAt: number;
}

/** Calls in line. */
export class WaitingLine {
  totalCost = 0;
  private readonly calls = new Map<WaitingCall, () => boolean>();
  private readonly capture: CaptureAsyncContext | undefined;
  private readonly name: string;

  constructor(name: string, capture: CaptureAsyncContext | undefined) {
    this.name = name;
    this.capture = capture;
  }

  get length(): number {
    return this.calls.size;
  }

  /** The call that came first. */
  get first(): WaitingCall | undefined {
    return this.calls.keys().next().value;
  }

  /** Appends a call. If its context has ended, it is refused at once. */
  join(arrival: Arrival, cost: number, leavesAt: number): void {
    const operation = bindAsyncContext(arrival.operation, this.capture, this.name);
    const call: WaitingCall = { arrival: { ...arrival, operation }, cost, leavesAt };
    this.calls.set(call, () => false);
    this.totalCost += cost;
    const unhook = arrival.context.onCancel((cause) => {
      if (this.remove(call)) arrival.sink.refuse(cause, UNREAD); // (2)
    });
    if (this.calls.has(call)) this.calls.set(call, unhook);
  }

  /** Refuses a call whose context has ended, if nobody has told it yet. Returns whether it has. */
  dropEnded(call: WaitingCall): boolean {
    const { context, sink } = call.arrival;
    if (!context.cancelled) return false;
    if (this.takeOut(call)) sink.refuse(context.cause, UNREAD); // (2): its listener was about to be told
    return true;
  }

  /** Takes a call out of the line. Returns false where it has left already. */
  takeOut(call: WaitingCall): boolean {
    this.calls.get(call)?.();
    return this.remove(call);
  }

  // --- internal ---

  private remove(call: WaitingCall): boolean {
    if (!this.calls.delete(call)) return false;
    this.totalCost -= call.cost; // (3)
    return true;
  }
}
