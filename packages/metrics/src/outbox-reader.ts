/**
 * Outbox reader: asks outboxes, whose answers may take time, and waits for them no longer than a reading may.
 *
 * Invariants
 *  (1) An outbox that does not answer in time has no series in this reading, and spoils no other.
 *  (2) An outbox is asked once at a time, however many readings come while it does not answer.
 *
 * @module
 */

import { type Clock, type Timer, ignoreRejection, reportHookError } from '@holdfast/core';

import type { OutboxReading, OutboxSource } from './service-source.ts';

/** How long a reading waits for an outbox. Milliseconds. */
const MAX_WAIT_MS = 1000;

/** Reads outboxes. */
export class OutboxReader {
  readonly #hook: string;
  readonly #asked = new WeakMap<OutboxSource, Promise<OutboxReading>>();

  /** @param hook what errors are reported as. */
  constructor(hook: string) {
    this.#hook = hook;
  }

  /** Reads one; undefined where it does not answer in time, or fails. Never rejects. */
  async read(source: OutboxSource, name: string, clock: Clock): Promise<OutboxReading | undefined> {
    const limit = new Limit(clock);
    try {
      return await Promise.race([this.#ask(source), limit.late]);
    } catch (error) {
      reportHookError(this.#hook, error, name); // (1)
      return undefined;
    } finally {
      limit.end();
    }
  }

  // --- internal ---

  #ask(source: OutboxSource): Promise<OutboxReading> {
    const before = this.#asked.get(source);
    if (before !== undefined) return before; // (2)
    const asked = readAll(source).finally(() => this.#asked.delete(source));
    ignoreRejection(asked);
    this.#asked.set(source, asked);
    return asked;
  }
}

async function readAll(source: OutboxSource): Promise<OutboxReading> {
  const [{ waiting, taken, dead, firstAgeMs }, ageMs] = await Promise.all([source.count(), source.firstAgeMs?.()]);
  return { waiting, taken, dead, firstAgeMs: ageMs ?? firstAgeMs };
}

/** A promise that rejects after the time that a reading may wait, unless it is ended before. */
class Limit {
  readonly late: Promise<never>;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.late = new Promise((_resolve, reject) => {
      const error = new Error(`the outbox has not answered within ${MAX_WAIT_MS} ms`);
      this.#timer = clock.setTimer(() => reject(error), MAX_WAIT_MS);
    });
  }

  end(): void {
    this.#timer?.cancel();
  }
}
