/**
 * Send gate: holds messages back while they cannot be sent, because the broker blocks the connection or its buffer is full, and
 * lets them through in their order.
 *
 * Invariants
 *  (1) No message is let through while the connection is blocked, or after one that filled the buffer, until there is room.
 *  (2) Messages are let through in the order in which they came, those left out that were withdrawn.
 *  (3) At most `maxWaiting` messages wait.
 *
 * @module
 */

import type { ChannelLife } from './channel-life.ts';

/** A message at the gate. */
export interface Waiting {
  /** Sends it. Returns whether there is room for more. */
  send(): boolean;
}

/** The gate of one publisher. */
export class SendGate {
  readonly #life: ChannelLife;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiting>();
  #isFull = false;

  constructor(life: ChannelLife, maxWaiting: number) {
    this.#life = life;
    this.#maxWaiting = maxWaiting;
    life.onRoom(() => this.#open());
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Sends it now, or later. Returns false, and does nothing, where too many wait. */
  enter(message: Waiting): boolean {
    if (this.#isOpen() && this.#waiting.size === 0) {
      this.#send(message);
      return true;
    }
    if (this.#waiting.size >= this.#maxWaiting) return false; // (3)
    this.#waiting.add(message);
    return true;
  }

  /** Takes a message back that has not been sent. */
  leave(message: Waiting): void {
    this.#waiting.delete(message);
  }

  // --- internal ---

  #isOpen(): boolean {
    return !this.#isFull && !this.#life.isBlocked; // (1)
  }

  #open(): void {
    if (this.#life.isBlocked) return;
    this.#isFull = false;
    for (const message of this.#waiting) {
      if (!this.#isOpen()) return;
      this.#waiting.delete(message); // (2)
      this.#send(message);
    }
  }

  #send(message: Waiting): void {
    if (!message.send()) this.#isFull = true;
  }
}
