/**
 * Open contexts: those that were opened and may not have ended yet, in the order in which they were opened.
 *
 * Each opening looks at two of the oldest: one that has ended is let go, one that lives goes to the end. So those that have
 * ended are let go without a timer and without a listener on any of them, and at most about as many of them are kept as live.
 *
 * Invariants
 *  (1) Nothing is hooked to a context: watching costs it nothing, and it is collected like any other once it was let go.
 *  (2) A context that has ended is let go after at most as many openings as were open then.
 *  (3) A context is told to be overdue at most once, and is let go then.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/** A context that was opened. */
export interface OpenContext {
  readonly context: Context;
  /** The clock's milliseconds when it was opened. */
  readonly openedAt: number;
  readonly name: string;
  /** Where it was opened, of those that were sampled. */
  readonly origin: Error | undefined;
}

/** Those that are open. */
export class OpenContexts {
  readonly #isOverdue: (open: OpenContext) => boolean;
  readonly #onOverdue: (open: OpenContext) => void;
  #entries: (OpenContext | undefined)[] = [];
  #head = 0;

  /** `isOverdue` is asked of those that live, `onOverdue` told of those that are. Neither may throw. */
  constructor(isOverdue: (open: OpenContext) => boolean, onOverdue: (open: OpenContext) => void) {
    this.#isOverdue = isOverdue;
    this.#onOverdue = onOverdue;
  }

  /** How many are kept; some may have ended already. */
  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** Adds one, and looks at two. */
  add(open: OpenContext): void {
    this.#entries.push(open);
    this.#look();
    this.#look();
  }

  /** Whether there is room for one more, where there is room for `max`; where there is not, it looks for some. */
  hasRoom(max: number): boolean {
    if (this.size >= max) this.#look();
    return this.size < max;
  }

  /** Looks at all. Returns how many live. */
  sweep(): number {
    for (let left = this.size; left > 0; left--) this.#look();
    return this.size;
  }

  // --- internal ---

  #look(): void {
    const open = this.#shift();
    if (open === undefined || open.context.cancelled) return; // (2)
    if (this.#isOverdue(open)) this.#onOverdue(open); // (3)
    else this.#entries.push(open);
  }

  #shift(): OpenContext | undefined {
    const open = this.#entries[this.#head];
    if (open === undefined) return undefined;
    this.#entries[this.#head++] = undefined;
    if (this.#head > COMPACT_AT && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return open;
  }
}

// --- internal ---

const COMPACT_AT = 256;
