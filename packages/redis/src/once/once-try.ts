/**
 * Once try: one run of a job under a lease.
 *
 *   claimed ─► running ── settles ─► recorded ─► ended: settled for all, or free again
 *                 ├────── its caller's context ends ─► ended: what it comes to later is recorded if the lease is still its own
 *                 └────── the lease is lost ─────────► ended: its context is cancelled, and nothing of it is recorded
 *
 * Invariants
 *  (1) The lease is prolonged every third of it while the job is waited for, and no longer.
 *  (2) A job whose lease was lost, or cannot be known to be held any more, is told through its context, at once.
 *  (3) What comes under a token that is not the last one is not recorded; the caller gets what the other try came to, or a
 *      {@link OnceLeaseLostError}.
 *
 * @module
 */

import { type CancellableContext, type Clock, type Context, type Timer, noop } from '@holdfast/core';

import { OnceLeaseLostError, OnceUnrecordedError } from './once-error.ts';
import { type Finish, type Settled, type Written, writeFailure, writeResult } from './once-record.ts';
import type { OnceStore } from './once-store.ts';

/** What a job is told of its try. */
export interface OnceGrant {
  /** Higher than that of any try before; 0 where the job runs without a lease, because the store does not answer. */
  readonly fencingToken: number;
  /** Number of this try: 1 for the first; 0 without a lease. */
  readonly attempt: number;
}

/** What is run once. */
export type OnceJob = (context: Context, grant: OnceGrant) => unknown;

/** What a try is made of. */
export interface TryParts {
  readonly store: OnceStore;
  readonly clock: Clock;
  readonly key: string;
  readonly token: string;
  readonly tries: number;
  /** When the claim was sent, on this node's clock: the lease is good for `leaseMs` from then. */
  readonly claimedAt: number;
  readonly leaseMs: number;
  readonly maxResultBytes: number;
  readonly remembersFailures: boolean;
  /** Told when the lease was lost while the job ran. */
  onLost(): void;
}

/** What a try has ended with: for the caller whose job it was, and, where it settles the key, for all others. */
export interface TryEnd {
  readonly own: Settled;
  readonly shared: Settled | undefined;
}

/** Runs `job` under its lease. Never rejects. */
export async function runTry(parts: TryParts, job: OnceJob, context: Context): Promise<TryEnd> {
  const { key, token, tries } = parts;
  const fencingToken = Number(token);
  const own = context.withCancel();
  const heartbeat = new Heartbeat(parts, () => own.cancel(new OnceLeaseLostError(key, fencingToken)));
  const run = startJob(() => job(own, { fencingToken, attempt: tries }));
  try {
    const value = await noop().execute(() => run, own); // settles when its context ends
    return await recordValue(parts, value);
  } catch (error) {
    if (own.cancelled) recordLate(parts, run, own);
    return own.cancelled ? { own: { error }, shared: undefined } : await recordFailure(parts, error);
  } finally {
    heartbeat.stop(); // (1)
    own.cancel();
  }
}

// --- internal ---

/** Prolongs a lease, and finds out when it is lost. */
class Heartbeat {
  private readonly parts: TryParts;
  private readonly lose: () => void;
  private goodUntil: number;
  private timer: Timer | undefined;
  private isOver = false;

  constructor(parts: TryParts, lose: () => void) {
    this.parts = parts;
    this.lose = lose;
    this.goodUntil = parts.claimedAt + parts.leaseMs;
    this.schedule(parts.clock.now());
  }

  stop(): void {
    this.isOver = true;
    this.timer?.cancel();
  }

  private schedule(now: number): void {
    const dueMs = Math.min(this.parts.leaseMs / 3, this.goodUntil - now);
    this.timer = this.parts.clock.setTimer(() => this.beat(), dueMs);
    this.timer.unref();
  }

  private beat(): void {
    const { store, key, token, leaseMs, clock } = this.parts;
    const now = clock.now();
    if (now >= this.goodUntil) {
      this.end(); // (2): the store has not answered for a whole lease
      return;
    }
    const hear = (isHeld: boolean): void => this.hear(isHeld, now + leaseMs);
    store.renew(key, token).then(hear, () => {}); // without an answer the next beat comes
    this.schedule(now);
  }

  private hear(isHeld: boolean, goodUntil: number): void {
    if (isHeld) this.goodUntil = Math.max(this.goodUntil, goodUntil);
    else this.end(); // (2)
  }

  private end(): void {
    if (this.isOver) return;
    this.stop();
    this.parts.onLost();
    this.lose();
  }
}

/** Starts the job in this turn; what it throws is what its promise rejects with. */
function startJob(job: () => unknown): Promise<unknown> {
  const run = new Promise<unknown>((resolve) => {
    resolve(job());
  });
  run.catch(() => {}); // it is waited for elsewhere, and perhaps no longer
  return run;
}

async function recordValue(parts: TryParts, value: unknown): Promise<TryEnd> {
  const written = writeResult(value, parts.maxResultBytes);
  let finish: Finish;
  try {
    finish = await record(parts, written);
  } catch (error) {
    return { own: { error: new OnceUnrecordedError(parts.key, value, error) }, shared: undefined };
  }
  if (finish.kind === 'settled') return { own: finish.settled, shared: finish.settled }; // (3)
  if (finish.kind === 'lost') return { own: { error: lostError(parts) }, shared: undefined }; // (3)
  const copy = written.outcome === 'd' && written.text !== '' ? (JSON.parse(written.text) as unknown) : undefined;
  return { own: { value }, shared: written.outcome === 'd' ? { value: copy } : undefined };
}

async function recordFailure(parts: TryParts, error: unknown): Promise<TryEnd> {
  const written: Written = parts.remembersFailures ? writeFailure(error) : free;
  try {
    await record(parts, written);
  } catch {
    // The lease runs out by itself; the job's own error matters more.
  }
  return { own: { error }, shared: undefined };
}

/** Records what a job comes to that nobody waits for any more, if its lease was not lost. */
function recordLate(parts: TryParts, run: Promise<unknown>, { cause }: CancellableContext): void {
  if (cause instanceof OnceLeaseLostError) return;
  void run
    .then(
      (value) => record(parts, writeResult(value, parts.maxResultBytes)),
      () => record(parts, free),
    )
    .catch(() => {}); // the lease runs out by itself
}

function record({ store, key, token }: TryParts, written: Written): Promise<Finish> {
  return store.finish(key, token, written);
}

function lostError({ key, token }: TryParts): OnceLeaseLostError {
  return new OnceLeaseLostError(key, Number(token));
}

const free: Written = Object.freeze({ outcome: 'i', text: '' });
