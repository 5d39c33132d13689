/**
 * Watcher: one client that watches, however slowly it reads.
 *
 *   frames ─► writable ─► the connection
 *      └───── full ─────► waiting, one frame per key ── drained ─► the connection
 *                              └── not drained in time, or too many keys ─► cut off
 *
 * Invariants
 *  (1) What waits for a slow client is at most one frame per key, `MAX_WAITING` in all, whatever happens meanwhile.
 *  (2) A client that takes nothing for `stalledMs` is cut off.
 *  (3) Frames of one key arrive in their order, and the last of them arrives.
 *
 * @module
 */

import type { ServerResponse } from 'node:http';

import type { Clock } from '@holdfast/core';

import type { Frame } from './event-log.ts';

/** A client that watches. */
export class Watcher {
  readonly #response: ServerResponse;
  readonly #waiting = new Map<string, string>();
  #fullSince: number | undefined = undefined;

  readonly #clock: Clock;

  readonly isViewer: boolean;

  constructor(response: ServerResponse, clock: Clock, isViewer = false) {
    this.#response = response;
    this.#clock = clock;
    this.isViewer = isViewer;
    response.on('drain', () => this.#drain());
  }

  /** Frames that wait. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Sends frames; `text` is that of all of them, made once for all clients. */
  send(frames: readonly Frame[], text: string): void {
    if (this.#fullSince === undefined) {
      this.#write(text);
      return;
    }
    for (const frame of frames) {
      this.#waiting.delete(frame.key); // (1) (3): the later one takes its place at the end
      this.#waiting.set(frame.key, frame.text);
    }
    if (this.#waiting.size > MAX_WAITING) this.cutOff(); // (1)
  }

  /** Cuts off a client that has taken nothing for `stalledMs`; else shows it that the connection is alive. */
  check(stalledMs: number): void {
    if (this.#fullSince === undefined) this.#write(':\n\n');
    else if (this.#clock.now() - this.#fullSince >= stalledMs) this.cutOff(); // (2)
  }

  /** Ends the stream in order. */
  end(): void {
    this.#waiting.clear();
    if (this.#fullSince === undefined) this.#response.end();
    else this.cutOff(); // it would not read the end either
  }

  cutOff(): void {
    this.#waiting.clear();
    this.#response.destroy();
  }

  #write(text: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    this.#fullSince = this.#response.write(text) ? undefined : this.#clock.now();
  }

  #drain(): void {
    this.#fullSince = undefined;
    if (this.#waiting.size === 0) return;
    const text = [...this.#waiting.values()].join('');
    this.#waiting.clear();
    this.#write(text);
  }
}

// --- internal ---

/** Keys that a client may be behind with. */
const MAX_WAITING = 10_000;
