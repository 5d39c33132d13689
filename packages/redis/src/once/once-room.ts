/**
 * Once room: the callers of one key in this process. They ask the store as one, and the one who has waited longest runs the job
 * when the lease is theirs.
 *
 *   enters ─► waiting ── the key is settled ───────────────► leaves with its result
 *                ├────── its turn, and the lease is here ──► runs its job ─► leaves with what that came to
 *                ├────── its context ends ─────────────────► leaves with the cause
 *                └────── the store does not answer ────────► leaves with StoreUnavailableError, or runs its job alone
 *
 * Invariants
 *  (1) At most one job of a room runs under a lease, and the store has given it.
 *  (2) A caller whose context ends leaves at once, whatever the store or the job do.
 *  (3) While there is a caller the store is asked; while there is none it is not, and there is no timer.
 *
 * @module
 */

import { type Context, type Random, type Timer, noop } from '@holdfast/core';

import type { Claim, Settled } from './once-record.ts';
import { type OnceJob, type TryParts, runTry } from './once-try.ts';

/** What a room is made of. */
export interface RoomParts extends Omit<TryParts, 'token' | 'tries' | 'claimedAt' | 'onLost'> {
  readonly random: Random;
  readonly runsUnavailable: boolean;
  /** Returns a name that no other holder has. */
  nextHolder(): string;
  onTry(token: string, tries: number): void;
  onLost(token: string): void;
  /** Called when the last caller has left. */
  onEmpty(): void;
}

/** A caller of a key. */
interface Caller {
  readonly job: OnceJob;
  readonly context: Context;
  leave(settled: Settled): void;
}

/** The callers of one key in this process. */
export class OnceRoom {
  private readonly parts: RoomParts;
  private readonly callers = new Set<Caller>();
  private holder: string;
  private pauseMs = MIN_PAUSE_MS;
  private timer: Timer | undefined;
  private endPause: (() => void) | undefined;
  private leader: Caller | undefined;
  private served: Promise<void> | undefined;

  constructor(parts: RoomParts) {
    this.parts = parts;
    this.holder = parts.nextHolder();
  }

  /** Runs `job` once, or promises what it came to elsewhere. */
  enter(job: OnceJob, context: Context): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let unhook: (() => boolean) | undefined;
      const caller: Caller = {
        job,
        context,
        leave: (settled) => {
          if (!this.callers.delete(caller)) return;
          unhook?.();
          if ('value' in settled) resolve(settled.value);
          else reject(settled.error);
          if (this.callers.size === 0) this.empty();
        },
      };
      this.callers.add(caller);
      unhook = context.onCancel((error) => caller.leave({ error })); // (2)
      if (this.callers.has(caller)) this.served ??= this.serve();
    });
  }

  /** Lets all leave but the one whose job runs. Resolves when that has left, too. */
  async dismiss(error: Error): Promise<void> {
    for (const caller of this.callers) if (caller !== this.leader) caller.leave({ error });
    await this.served;
  }

  // --- internal ---

  /** Asks until nobody is left. A loop, since it may take many tries. */
  private async serve(): Promise<void> {
    while (this.callers.size > 0) {
      const sentAt = this.parts.clock.now();
      try {
        const claim = await this.parts.store.claim(this.parts.key, this.holder);
        await this.heed(claim, sentAt);
      } catch (error) {
        this.goWithout(error);
      }
    }
  }

  private async heed(claim: Claim, sentAt: number): Promise<void> {
    if (claim.kind === 'settled') this.leaveAll(claim.settled);
    else if (claim.kind === 'busy') await this.pause(claim.leftMs);
    else await this.lead(claim.token, claim.tries, sentAt);
  }

  /** The lease is here: the one who has waited longest runs its job. */
  private async lead(token: string, tries: number, claimedAt: number): Promise<void> {
    const { store, key } = this.parts;
    this.holder = this.parts.nextHolder(); // so that a later claim of ours is not taken for this one's
    this.pauseMs = MIN_PAUSE_MS;
    const [first] = this.callers;
    if (first === undefined) {
      await store.finish(key, token, { outcome: 'i', text: '' }).catch(() => {}); // all have left meanwhile
      return;
    }
    this.leader = first;
    this.parts.onTry(token, tries);
    const onLost = (): void => this.parts.onLost(token);
    const { own, shared } = await runTry({ ...this.parts, token, tries, claimedAt, onLost }, first.job, first.context);
    this.leader = undefined;
    first.leave(own);
    if (shared !== undefined) this.leaveAll(shared);
  }

  private leaveAll(settled: Settled): void {
    for (const caller of this.callers) caller.leave(settled);
  }

  /** The store does not answer. */
  private goWithout(error: unknown): void {
    for (const caller of this.callers) {
      if (this.parts.runsUnavailable) this.runAlone(caller);
      else caller.leave({ error });
    }
  }

  private runAlone(caller: Caller): void {
    const { job, context } = caller;
    const run = noop().execute((own) => job(own, { fencingToken: 0, attempt: 0 }), context);
    caller.leave({ value: run }); // the promise it was given follows this one
  }

  /** Waits before the next question: longer each time, never much beyond the lease, and each process for another time. */
  private pause(leftMs: number): Promise<void> {
    const { clock, random } = this.parts;
    const ms = Math.min(this.pauseMs * (0.5 + random() / 2), leftMs + MIN_PAUSE_MS * random());
    this.pauseMs = Math.min(MAX_PAUSE_MS, this.pauseMs * 1.5);
    if (this.callers.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.endPause = resolve;
      this.timer = clock.setTimer(resolve, ms);
    });
  }

  private empty(): void {
    this.timer?.cancel(); // (3)
    this.endPause?.();
    this.parts.onEmpty();
  }
}

// --- internal ---

const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 250;
