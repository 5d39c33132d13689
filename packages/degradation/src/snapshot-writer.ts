/**
 * Snapshot writer: keeps the newest of many texts, some time after it was asked to, and one after the other.
 *
 * Invariants
 *  (1) A text is written at most `delayMs` after it was asked for, unless one is being written then.
 *  (2) One is written at a time, the newest last; those that were overtaken are left out.
 *  (3) A failure is told and delays nobody; the next text is written all the same.
 *  (4) After close() no timer is left; what was to be written is being written.
 *
 * @module
 */

import type { Clock, Timer } from '@holdfast/core';

/** What a writer needs. */
export interface SnapshotWriterParts {
  readonly port: { save(text: string): Promise<void> };
  readonly clock: Clock;
  /** Time in which further texts take the place of the one that waits. Milliseconds, 0 or more; 0 waits for nothing. */
  readonly delayMs: number;
  /** Must not throw. */
  readonly onFailure: (error: unknown) => void;
}

/** Writes texts. */
export class SnapshotWriter {
  readonly #parts: SnapshotWriterParts;
  #next: (() => string) | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #isWriting = false;
  #isClosed = false;

  constructor(parts: SnapshotWriterParts) {
    this.#parts = parts;
  }

  /** Writes what `make` returns when its turn comes. */
  write(make: () => string): void {
    this.#next = make;
    if (this.#timer !== undefined || this.#isWriting) return;
    if (this.#parts.delayMs === 0 || this.#isClosed) this.#start();
    else this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel(); // (4)
    this.#timer = undefined;
    this.#start();
  }

  #arm(): void {
    const { clock, delayMs } = this.#parts;
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      this.#start();
    }, delayMs); // (1)
    this.#timer.unref();
  }

  #start(): void {
    const make = this.#next;
    if (make === undefined || this.#isWriting) return; // (2)
    this.#next = undefined;
    this.#isWriting = true;
    void this.#save(make);
  }

  async #save(make: () => string): Promise<void> {
    try {
      await this.#parts.port.save(make());
    } catch (error) {
      this.#parts.onFailure(error); // (3)
    }
    this.#isWriting = false;
    if (this.#next === undefined) return;
    if (this.#parts.delayMs === 0 || this.#isClosed) this.#start();
    else this.#arm();
  }
}
