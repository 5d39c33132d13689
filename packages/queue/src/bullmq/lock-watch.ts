/**
 * Lock watch: knows which jobs' locks are lost, which BullMQ tells by events only, and not at all while Redis does not answer.
 *
 *   follow ─► held ── renewed ─► held (for another lockDurationMs)
 *              ├── BullMQ says that it could not renew the lock ─► lost
 *              └── no renewal for lockDurationMs ────────────────► lost
 *
 * Invariants
 *  (1) A lock counts as lost no sooner than the server has let it run out, or given it away.
 *  (2) Of each job that is followed, the loss is told once; afterwards, and once it is followed no more, no timer is left.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

import type { JobWorkerLike } from './job-like.ts';

/** Follows the locks of the jobs of one worker. */
export class LockWatch {
  readonly #clock: Clock;
  readonly #held = new Map<string, { readonly onLost: () => void; timer: Timer | undefined }>();
  #lockDurationMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Listens to `worker`. Returns what ends that. */
  attach(worker: JobWorkerLike): () => void {
    // without cancelJob it is a version that does not tell of renewals: silence means nothing then
    const tellsRenewals = typeof worker.cancelJob === 'function' && worker.opts?.skipLockRenewal !== true;
    this.#lockDurationMs = tellsRenewals ? (worker.opts?.lockDuration ?? DEFAULT_LOCK_DURATION_MS) : Infinity;
    const onFailed = (ids: string[]): void => ids.forEach((id) => this.#lose(id));
    const onRenewed = ({ jobIds }: { jobIds: string[] }): void => jobIds.forEach((id) => this.#arm(id));
    for (const id of this.#held.keys()) this.#arm(id);
    worker.on('lockRenewalFailed', onFailed);
    worker.on('locksRenewed', onRenewed);
    return () => {
      worker.off('lockRenewalFailed', onFailed);
      worker.off('locksRenewed', onRenewed);
    };
  }

  /** Follows the lock of job `id`, which was just begun. Returns what ends that. */
  follow(id: string, onLost: () => void): () => void {
    const entry = { onLost, timer: undefined };
    this.#lose(id); // a try before, whose lock is this one's now
    this.#held.set(id, entry);
    this.#arm(id); // (1): it was locked before it was begun, and so runs out before this does
    return () => {
      if (this.#held.get(id) === entry) this.#release(id); // (2): another try may have begun since
    };
  }

  // --- internal ---

  #arm(id: string): void {
    const entry = this.#held.get(id);
    if (entry === undefined) return;
    entry.timer?.cancel();
    entry.timer = this.#clock.setTimer(() => this.#lose(id), this.#lockDurationMs);
  }

  #lose(id: string): void {
    const entry = this.#held.get(id);
    this.#release(id);
    entry?.onLost();
  }

  #release(id: string): void {
    this.#held.get(id)?.timer?.cancel(); // (2)
    this.#held.delete(id);
  }
}

// --- internal ---

/** BullMQ's own default. */
const DEFAULT_LOCK_DURATION_MS = 30_000;
