/**
 * Call meter: hears how long calls of a pipeline took. Without one a pipeline looks at no clock for that, and with one it does
 * so for few calls where there are many: two looks at a clock cost a third of a call through five policies.
 *
 *   renew() ─► the next 1000 calls are measured, each for itself ─► then one of 64, at odd gaps, for those since the last one
 *
 * Invariants
 *  (1) What measured calls stand for adds up to the calls that were made while a meter was attached, but for the last 127; and
 *      but for as many when another meter is attached, which must not hear of calls of before. It is never more.
 *  (2) A meter hears of each measured call once, when it ends: also if it was detached meanwhile.
 *  (3) A meter that throws changes nothing for the call, and is reported.
 *
 * @module
 */

import { type Clock, readOnce } from './clock.ts';
import type { Context } from './context.ts';
import { reportHookError } from './hooks.ts';

/** How a call of a pipeline ended; see `CallCounts`. */
export type CallOutcome = 'success' | 'failure' | 'rejected' | 'cancelled';

/** A call that has been measured. */
export interface MeasuredCall {
  readonly outcome: CallOutcome;
  /** Milliseconds, 0 or more. */
  readonly durationMs: number;
  /** The caller's. Read what you need; do not keep it. */
  readonly context: Context;
  /** Calls that it stands for, itself included: 1, or more where not all are measured. */
  readonly callCount: number;
}

/** Hears how long calls took. */
export interface CallMeter {
  /** A call has ended. Called in its path: be quick. */
  record(call: MeasuredCall): void;
}

/** A meter that is attached to a pipeline. */
export interface AttachedMeter {
  /** Has the next 1000 calls measured one by one again; for whoever has read what the meter knows. */
  renew(): void;
  /** Detaches it. The second time that does nothing. */
  detach(): void;
}

/** The meters of one pipeline. */
export class CallMeters {
  readonly name: string;
  readonly clock: Clock;
  private list: readonly CallMeter[] = [];
  /** Calls that are measured one by one yet. */
  private plain = MAX_PLAIN;
  /** Calls until the next that is measured, and how many that one stands for. */
  private gap = 1;
  private gapLength = 1;
  private state = 1;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.clock = clock;
  }

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  /** Attaches a meter. */
  add(meter: CallMeter): () => void {
    const own: CallMeter = { record: (call) => meter.record(call) };
    this.list = [...this.list, own];
    this.gapLength = this.gap; // (1): the next that is measured stands for those from here on
    return () => void (this.list = this.list.filter((each) => each !== own));
  }

  /** Has the next calls measured one by one. */
  renew(): void {
    this.plain = MAX_PLAIN;
  }

  /** A call comes: how many calls it stands for; 0 where it is not measured. */
  take(): number {
    if (this.plain > 0) {
      this.plain--;
      return 1;
    }
    if (--this.gap > 0) return 0;
    const callCount = this.gapLength; // (1)
    this.state = (Math.imul(this.state, 1_103_515_245) + 12_345) & 0x7f_ff_ff_ff;
    this.gapLength = 1 + ((this.state >>> 16) % MAX_GAP);
    this.gap = this.gapLength;
    return callCount;
  }

  /** Begins to measure a call that comes at `startedAt` and stands for so many. */
  begin(callCount: number, startedAt: number): MeteredCall {
    return new MeteredCall(this, { list: this.list, callCount }, startedAt);
  }
}

/** One measured call, until the meters have heard of its end. */
export class MeteredCall {
  private readonly meters: CallMeters;
  private readonly heard: { readonly list: readonly CallMeter[]; readonly callCount: number };
  private readonly startedAt: number;

  constructor(meters: CallMeters, heard: MeteredCall['heard'], startedAt: number) {
    this.meters = meters;
    this.heard = heard;
    this.startedAt = startedAt;
  }

  /** It has ended, at `now` where that was read. */
  end(outcome: CallOutcome, context: Context, now: number): void {
    const { meters, heard, startedAt } = this;
    const durationMs = Math.max(0, readOnce(meters.clock, now) - startedAt);
    const call: MeasuredCall = { outcome, durationMs, context, callCount: heard.callCount };
    for (const meter of heard.list) {
      try {
        meter.record(call); // (2)
      } catch (error) {
        reportHookError('meter', error, meters.name); // (3)
      }
    }
  }
}

// --- internal ---

/** Calls that are measured one by one after each `renew`. */
const MAX_PLAIN = 1000;

/** The widest gap between measured calls after that; half of it on average. */
const MAX_GAP = 127;
