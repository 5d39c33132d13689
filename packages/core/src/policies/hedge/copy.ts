/**
 * Copy: one run of the operation of a hedged call, under a context of its own.
 *
 * @module
 */

import { CancelScope } from '../../kernel/cancel-scope.ts';
import type { CancelledError } from '../../kernel/cancellation.ts';
import { type Context, type ScopeSource, deriveContext, deriveLazily, scopeOf } from '../../kernel/context.ts';
import type { Sink } from '../../kernel/handler.ts';
import type { LateRuns } from '../../kernel/late-runs.ts';
import { ProvenanceNote, noteIn, withNote } from '../../kernel/provenance.ts';

/** The call that copies run for. It counts the copies that go on although they lost. */
export interface CopyOwner extends LateRuns {
  readonly context: Context;
  /** A copy came to a value. */
  takeValue(copy: Copy, value: unknown, now: number): void;
  /** A copy came to an error. */
  takeError(copy: Copy, error: unknown, now: number): void;
  /** A copy was not run. */
  takeRefusal(error: unknown, now: number): void;
}

/** One run of the operation: the sink of it, and the source of its context's scope. */
export class Copy implements Sink, ScopeSource {
  readonly owner: CopyOwner;
  /** Number of this copy; the first is 1. */
  readonly attempt: number;
  readonly earlier: Copy | undefined;
  readonly context: Context;
  /** Where the layers inside write what they gave in place of the operation's value; undefined where nobody asks. */
  readonly note: ProvenanceNote | undefined;
  /** Whether what is inside has reported, or need not any more. */
  settled = false;
  private scope: CancelScope | undefined = undefined;
  private hasReported = false;
  /** Whether the copy was cancelled, and what is inside did not report then. */
  private runsLate = false;

  constructor(owner: CopyOwner, attempt: number, earlier: Copy | undefined) {
    this.owner = owner;
    this.attempt = attempt;
    this.earlier = earlier;
    const { context } = owner;
    // Under a parent that never ends, only we can end the context, so its scope is made only if somebody asks for it.
    const own = scopeOf(context).isEndless ? deriveLazily(context, this) : deriveContext(context, this.makeScope());
    this.note = noteIn(context) === undefined ? undefined : new ProvenanceNote();
    this.context = this.note === undefined ? own : withNote(own, this.note);
  }

  makeScope(): CancelScope {
    const parent = scopeOf(this.owner.context);
    this.scope ??= new CancelScope(parent, parent.clock, Infinity);
    return this.scope;
  }

  resolve(value: unknown, now: number): void {
    if (this.settle()) this.owner.takeValue(this, value, now);
    else this.endLate('fulfilled', value);
  }

  reject(error: unknown, now: number): void {
    if (this.settle()) this.owner.takeError(this, error, now);
    else this.endLate('rejected', error);
  }

  refuse(error: unknown, now: number): void {
    if (this.settle()) this.owner.takeRefusal(error, now);
    else this.endLate('rejected', error);
  }

  /** Another copy won: ends the context; what this copy comes to is dropped. */
  cancel(cause: CancelledError): void {
    if (this.settled) return;
    this.settled = true;
    scopeOf(this.context).end(cause); // the layers inside report to us; the innermost has the rest counted
    if (this.hasReported) return;
    this.runsLate = true;
    this.owner.begin();
  }

  /** Returns whether this is the first report. The context lives on, and lets go of those who only listen. */
  private settle(): boolean {
    this.hasReported = true;
    if (this.settled) return false;
    this.settled = true;
    this.scope?.release();
    return true;
  }

  private endLate(status: 'fulfilled' | 'rejected', outcome: unknown): void {
    if (!this.runsLate) return;
    this.runsLate = false;
    this.owner.end(status, outcome);
  }
}
