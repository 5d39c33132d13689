/**
 * Message attempts: the number of the try that a delivery is, from what the broker says and what was seen here.
 *
 *   quorum queue           `x-delivery-count`, exact for all consumers; requeues count as well
 *   classic, with an id    the failures that this process has seen, by id; after a dead-letter round also `x-death`
 *   classic, without one   `redelivered` only: the second try counts as the last, since a third could not be told from it
 *
 * Invariants
 *  (1) The failures of at most `maxMessages` messages are remembered, the newest.
 *  (2) Whatever the headers are, a number from 1 comes of them, and nothing is thrown.
 *  (3) What cannot be counted is never tried more than twice.
 *
 * @module
 */

import type { AmqpMessage } from './amqp-channel.ts';

/** Counts the tries of messages. */
export class MessageAttempts {
  readonly #maxMessages: number;
  readonly #failures = new Map<string, number>();

  constructor(maxMessages: number) {
    this.#maxMessages = maxMessages;
  }

  /** The number of the try, from 1; Infinity where it must be the last, since no other could be told from it. */
  numberOf(message: AmqpMessage, queue: string): number {
    const { headers } = message.properties;
    const id = idOf(message);
    const counts = [
      countOf(headers?.['x-delivery-count']),
      deathsIn(headers?.['x-death'], queue),
      id === undefined ? undefined : (this.#failures.get(id) ?? 0),
    ].filter((count) => count !== undefined);
    if (counts.length === 0) return message.fields.redelivered ? Infinity : 1; // (3)
    return 1 + Math.max(...counts);
  }

  /** Notes that the message has failed. */
  fail(message: AmqpMessage): void {
    const id = idOf(message);
    if (id === undefined) return;
    const count = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.delete(id); // to be the newest
    this.#failures.set(id, count);
    const oldest = this.#failures.keys().next();
    if (this.#failures.size > this.#maxMessages && oldest.done !== true) this.#failures.delete(oldest.value); // (1)
  }

  /** Forgets a message that is settled for good. */
  forget(message: AmqpMessage): void {
    const id = idOf(message);
    if (id !== undefined) this.#failures.delete(id);
  }
}

/** The id of a message; undefined where it has none. */
export function idOf(message: AmqpMessage): string | undefined {
  const { messageId } = message.properties;
  return typeof messageId === 'string' && messageId !== '' ? messageId : undefined;
}

// --- internal ---

function countOf(value: unknown): number | undefined {
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0;
  return isCount ? value : undefined;
}

/** Times that the message was dead-lettered out of `queue` because a consumer refused it. */
function deathsIn(header: unknown, queue: string): number | undefined {
  if (!Array.isArray(header)) return undefined;
  const own = (header as readonly unknown[]).filter((each) => {
    const death = (each ?? {}) as { readonly queue?: unknown; readonly reason?: unknown };
    return death.queue === queue && death.reason === 'rejected';
  });
  if (own.length === 0) return undefined;
  return Math.max(...own.map((each) => countOf((each as { readonly count?: unknown }).count) ?? 1));
}
