/**
 * Sharing mode: whether a process shares through a store now, and who waits for that.
 *
 *   local ── the store answers ─► shared ── it is silent, or nothing can be shared ─► local
 *
 * Invariants
 *  (1) A change is told once, and with a return also how long it took.
 *  (2) Who waits is told as soon as it is so, and at the latest when its time is over; nobody is left waiting by `close`.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

/** Is told when that changes. Its functions must not throw. */
export interface SharingListener {
  changed(mode: 'shared' | 'local', why: string): void;
  /** It shares again, after so long without. Told after the change. */
  recovered(afterMs: number): void;
}

/** Knows whether a process shares. */
export class SharingMode {
  private readonly clock: Clock;
  private readonly listener: SharingListener;
  /** Each looks whether what is waited for has come. */
  private readonly waiting = new Set<() => void>();
  private lostAt: number | undefined = undefined;
  private isClosed = false;
  mode: 'shared' | 'local' = 'local';

  constructor(clock: Clock, listener: SharingListener) {
    this.clock = clock;
    this.listener = listener;
  }

  /** Takes note of how it is now; `why` says why not. */
  note(isShared: boolean, why: string): void {
    if (this.isClosed) return;
    if (isShared !== (this.mode === 'shared')) {
      if (isShared) this.begin();
      else this.end(why);
    }
    for (const look of this.waiting) look();
  }

  /**
   * Whether it is so, as soon as it is, or `timeoutMs` are over. It is looked at with each {@link note}. The process is kept
   * alive as long as that takes.
   */
  when(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
    if (this.isClosed || isSo()) return Promise.resolve(!this.isClosed);
    return new Promise((resolve) => {
      const settle = (): void => {
        timer.cancel();
        this.waiting.delete(look);
        resolve(!this.isClosed && isSo());
      };
      const timer = this.clock.setTimer(settle, timeoutMs); // (2)
      const look = (): void => {
        if (this.isClosed || isSo()) settle();
      };
      this.waiting.add(look);
    });
  }

  /** Tells nothing any more. */
  close(): void {
    this.isClosed = true;
    this.mode = 'local';
    for (const look of this.waiting) look();
  }

  // --- internal ---

  private begin(): void {
    this.mode = 'shared';
    this.listener.changed('shared', 'the store answers'); // (1)
    if (this.lostAt !== undefined) this.listener.recovered(this.clock.now() - this.lostAt);
  }

  private end(why: string): void {
    this.mode = 'local';
    this.lostAt = this.clock.now();
    this.listener.changed('local', why); // (1)
  }
}
