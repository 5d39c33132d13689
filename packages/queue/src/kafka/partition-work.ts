/**
 * Partition work: what a consumer does for one partition, from its assignment to its end.
 *
 *   assigned ─► idle ◄──── outcome is fetched ──── handled
 *                │                                   ▲
 *              take(message)                         │ handler ends
 *                └─► running ────────────────────────┘
 *                       └─ take(the same message) joins the run: it was delivered again after a rebalance
 *   end(cause): the context ends, and with it that of the handler
 *
 * Invariants
 *  (1) At most one handler of a partition is waited for at a time, and its messages are handled in their order.
 *  (2) A message that is delivered again while it is handled, or when that is over, is not handled again.
 *  (3) With its end the context of the partition ends, and nothing of it is handled any more.
 *
 * @module
 */

import type { CancellableContext, Context } from '@holdfast/core';

import type { KafkaMessageLike } from './kafka-like.ts';

/** What a message has come to. */
export type MessageOutcome =
  | { readonly kind: 'done' }
  /** It is to be delivered again, after a while. */
  | { readonly kind: 'again'; readonly delayMs: number }
  /** The partition is ended, or the consumer is being drained. */
  | { readonly kind: 'ended' };

/** Where a partition is. */
export interface PartitionPlace {
  readonly topic: string;
  readonly partition: number;
}

/** One partition in the hands of this consumer. */
export class PartitionWork {
  readonly topic: string;
  readonly partition: number;
  /** Lives as long as the assignment. */
  readonly context: CancellableContext;
  #running: { readonly offset: bigint; readonly outcome: Promise<MessageOutcome> } | undefined = undefined;
  #failing = { offset: NONE, count: 0 };
  /** The last message that was dealt with. */
  #doneThrough = NONE;
  /** The last message of which it was committed that it was dealt with. */
  #committedThrough = NONE;
  /** After a rebalance: messages up to here may be delivered again, and are not handled again. */
  #resumeThrough = NONE;

  constructor({ topic, partition }: PartitionPlace, parent: Context) {
    this.topic = topic;
    this.partition = partition;
    this.context = parent.withCancel();
  }

  /** Handles a message with `handle`, which must not reject, or joins the run of it. */
  async take(message: KafkaMessageLike, handle: () => Promise<MessageOutcome>): Promise<MessageOutcome> {
    const offset = BigInt(message.offset);
    if (offset <= this.#resumeThrough) return { kind: 'done' }; // (2)
    this.#resumeThrough = NONE;
    for (let other = this.#running; other !== undefined && other.offset !== offset; other = this.#running) {
      await other.outcome; // (1)
      if (this.#running === other) this.#running = undefined;
    }
    if (this.context.cancelled) return { kind: 'ended' }; // (3)
    this.#running ??= { offset, outcome: handle() };
    return this.#running.outcome; // (2)
  }

  /** Notes that what the message at `offset` came to was dealt with. Until then it is kept for whom the message comes to again. */
  settle(offset: string, outcome: MessageOutcome): void {
    const at = BigInt(offset);
    if (this.#running?.offset === at) this.#running = undefined;
    if (outcome.kind === 'done' && at > this.#resumeThrough) this.#doneThrough = at; // (2): else it was known before
  }

  /** The offset that is to be committed: that of the message after the last one that was dealt with. Undefined where there is none. */
  get uncommitted(): string | undefined {
    return this.#doneThrough !== this.#committedThrough ? String(this.#doneThrough + 1n) : undefined;
  }

  /** Notes that `offset` was committed, or is about to be. */
  committed(offset: string): void {
    this.#committedThrough = BigInt(offset) - 1n;
  }

  /** Waits for the run under way, and deals with what it comes to. */
  async finished(): Promise<void> {
    const running = this.#running;
    if (running !== undefined) this.settle(String(running.offset), await running.outcome);
  }

  /** Told when the partition was kept in a rebalance: what was not committed in time will be delivered again. */
  resume(): void {
    this.#resumeThrough = this.#doneThrough;
  }

  /** Whether the group has gone on, beyond what is handled here: it was somebody else's meanwhile. */
  isOvertakenBy(offset: string): boolean {
    return this.#running !== undefined && this.#running.offset < BigInt(offset);
  }

  /** Counts a failure of the message at `offset`. Returns how often it has failed in a row. */
  countFailure(offset: string): number {
    const at = BigInt(offset);
    this.#failing = { offset: at, count: this.failureCount(offset) + 1 };
    return this.#failing.count;
  }

  /** Times that the message at `offset` has failed in a row. */
  failureCount(offset: string): number {
    return this.#failing.offset === BigInt(offset) ? this.#failing.count : 0;
  }

  /** Ends it. Later calls change nothing. */
  end(cause: unknown): void {
    this.context.cancel(cause);
  }
}

// --- internal ---

const NONE = -1n;
