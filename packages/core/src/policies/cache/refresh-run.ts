/**
 * Refresh run: one run that fetches the value of a key, for all calls that wait for it, or for the cache alone in the
 * background. It hands its outcome to the cache before anybody is told, so that a call made in answer finds the new value.
 *
 * The numbers in this file are those of cache.ts.
 *
 * @module
 */

import { type CancellableContext, type Context } from '../../kernel/context.ts';
import type { Arrival, Handler, Operation, Sink } from '../../kernel/handler.ts';
import { ProvenanceNote, type SubstituteReason, noteIn, withNote, withoutNote } from '../../kernel/provenance.ts';
import { SharedRun } from '../../kernel/shared-run.ts';

/** A call that has a key, at the instant of its look-up. */
export interface Lookup {
  readonly key: string;
  readonly inner: Handler;
  readonly operation: Operation;
  readonly context: Context;
  readonly sink: Sink;
  readonly now: number;
}

/** Why a run gave nothing that its callers want, so that they may be given a stale value. */
export interface RunFailure {
  readonly reason: SubstituteReason;
  readonly error: unknown;
}

/** Who keeps what runs fetch. */
export interface RunKeeper {
  readonly runs: Map<string, RefreshRun>;
  /** Takes the value of a run. Returns the instant, where it had to be read. */
  takeValue(run: RefreshRun, value: unknown, now: number): number;
  /** Takes the error of a run. Returns the instant, where it had to be read. */
  takeError(run: RefreshRun, error: unknown, now: number): number;
  /** Answers a call with the stale value of its key, if that may be. Returns whether it did. */
  answerStale(call: Pick<Lookup, 'key' | 'context' | 'sink' | 'now'>, failure: RunFailure): boolean;
}

/** One run for a key. */
export class RefreshRun extends SharedRun {
  readonly keeper: RunKeeper;
  /** Where the layers inside write what they gave in place of the operation's value. */
  readonly note: ProvenanceNote;
  /** Why a stale value may stand in for the outcome; undefined where none may. */
  failure: RunFailure | undefined = undefined;
  /** Whether it was started for the cache alone. */
  readonly isInBackground: boolean;
  /** The place of the cache among those who wait: while it has one, the run does not end for want of callers. */
  private hold: CancellableContext | undefined = undefined;

  constructor(keeper: RunKeeper, lookup: Lookup, isInBackground: boolean) {
    const note = new ProvenanceNote();
    super(keeper.runs, lookup.key, { ...arrivalOf(lookup), context: withNote(lookup.context, note) });
    this.keeper = keeper;
    this.note = note;
    this.isInBackground = isInBackground;
  }

  /** Starts the run, for `lookup` or in the background. */
  begin(lookup: Lookup): void {
    const isWaitedFor = this.isInBackground ? this.takeHold(lookup) : this.join(lookup);
    if (!isWaitedFor) return;
    this.keeper.runs.set(this.key, this);
    this.start(withoutNote(lookup.operation), lookup.now);
  }

  /** Lets a call wait for this run. Returns false, and refuses it, where its context has ended. */
  join(lookup: Lookup): boolean {
    const { context, sink, now } = lookup;
    const isIn = this.admit({ ...arrivalOf(lookup), sink: new WaitingCall(this, context, sink) }, now);
    if (isIn) this.dropHold(); // (6): from here on, it is up to the callers
    return isIn;
  }

  /** Gives up the place of the cache. If nobody else waits, the run ends. */
  dropHold(): void {
    const { hold } = this;
    this.hold = undefined;
    hold?.cancel();
  }

  override resolve(value: unknown, now: number): void {
    if (!this.settled) super.resolve(value, this.keeper.takeValue(this, value, now));
  }

  override reject(error: unknown, now: number): void {
    if (!this.settled) super.reject(error, this.keeper.takeError(this, error, now));
  }

  override refuse(error: unknown, now: number): void {
    if (!this.settled) super.refuse(error, this.keeper.takeError(this, error, now));
  }

  private takeHold(lookup: Lookup): boolean {
    const hold = lookup.context.withoutCancel().withCancel();
    this.hold = hold;
    return this.admit({ ...arrivalOf(lookup), context: hold, sink: nobody }, lookup.now);
  }
}

// --- internal ---

function arrivalOf({ inner, operation, context, sink }: Lookup): Arrival {
  return { inner, operation, context, sink };
}

/** The sink of the cache's own place. */
const nobody: Sink = Object.freeze({ resolve: () => {}, reject: () => {}, refuse: () => {} });

/** One call that waits for a run. */
class WaitingCall implements Sink {
  readonly run: RefreshRun;
  readonly context: Context;
  readonly sink: Sink;

  constructor(run: RefreshRun, context: Context, sink: Sink) {
    this.run = run;
    this.context = context;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    if (this.isAnsweredStale(now)) return;
    const note = noteIn(this.context);
    if (note !== undefined) note.provenance = this.run.note.provenance;
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    if (!this.isAnsweredStale(now)) this.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    if (!this.isAnsweredStale(now)) this.sink.refuse(error, now);
  }

  private isAnsweredStale(now: number): boolean {
    const { run, context, sink } = this;
    if (run.failure === undefined || context.cancelled) return false; // (5)
    return run.keeper.answerStale({ key: run.key, context, sink, now }, run.failure);
  }
}
