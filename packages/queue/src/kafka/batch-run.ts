/**
 * Batch run: hands the messages of one batch to their handlers, one after the other, and commits what was done.
 *
 *   batch ─► message ─► outcome ─┬─ done ─► resolved, committed by and by ─► next message
 *                                ├─ again ─► the partition is paused; it comes again from here
 *                                └─ ended ─► out
 *   meanwhile: heartbeats; one that fails interrupts the batch, and the handler goes on without it
 *
 * Invariants
 *  (1) While a handler runs there are heartbeats.
 *  (2) Nothing is committed for a partition that was ended, or that began under another assignment.
 *  (3) No message is begun once the consumer is stopping, the batch is stale, or the partition was ended.
 *  (4) What was done is committed before the group is joined again.
 *
 * @module
 */

import { CancelledError, type Timer, ignoreRejection } from '@holdfast/core';

import type { GroupState } from './group-state.ts';
import type { KafkaBatchPayload, KafkaMessageLike, TopicPartitionOffset } from './kafka-like.ts';
import { type MessageRunParts, runMessage } from './message-run.ts';
import type { MessageOutcome, PartitionPlace, PartitionWork } from './partition-work.ts';

/** A batch, whichever client it is of. */
export interface BatchFrame extends PartitionPlace {
  readonly messages: readonly KafkaMessageLike[];
  /** Notes that all up to this message was handled: the next fetch begins behind it. */
  readonly resolve: (offset: string) => void;
  /** Commits that the next message to be handled is at `offset`. */
  readonly commit: (offset: string) => Promise<unknown>;
  /** Tells the group that this member lives. Rejects where that is not so any more. */
  readonly heartbeat: () => Promise<unknown>;
  /** Fetches nothing of the partition until what it returns is called. */
  readonly pause: () => () => void;
  readonly isRunning: () => boolean;
  readonly isStale: () => boolean;
}

/** What all batches of a consumer share. */
export interface BatchRunParts<M> extends MessageRunParts<M> {
  readonly group: GroupState;
  /** Batches under way. */
  readonly batches: Set<Promise<void>>;
  /** Of paused partitions. */
  readonly pauses: Set<Timer>;
}

/** The frame of a batch, of which a client knows how an offset is committed. */
export function frameOf(
  payload: KafkaBatchPayload,
  commit: (offset: TopicPartitionOffset) => Promise<unknown>,
): BatchFrame {
  const { topic, partition, messages } = payload.batch;
  return {
    topic,
    partition,
    messages,
    resolve: (offset) => payload.resolveOffset(offset),
    commit: (offset) => commit({ topic, partition, offset }),
    heartbeat: () => payload.heartbeat(),
    pause: () => payload.pause(),
    isRunning: () => payload.isRunning(),
    isStale: () => payload.isStale(),
  };
}

/** Handles a batch. It rejects with what has interrupted it, for the client to act on. */
export function runBatch<M>(parts: BatchRunParts<M>, frame: BatchFrame): Promise<void> {
  const batch = handleBatch(parts, frame);
  const forget = (): void => void parts.batches.delete(batch);
  parts.batches.add(batch);
  batch.then(forget, forget);
  return batch;
}

/** Interrupts what still waits when a drain is over; no error for anybody. */
export const DRAINED: Error = new CancelledError('the consumer is drained');

// --- internal ---

async function handleBatch<M>(parts: BatchRunParts<M>, frame: BatchFrame): Promise<void> {
  const run = new BatchRun(parts, frame);
  try {
    await run.all();
  } catch (error) {
    if (error === DRAINED) return;
    await run.commitBeforeRebalance(error); // (4)
    throw error;
  } finally {
    run.stop();
  }
}

const nothing = (): void => {};

class BatchRun<M> {
  readonly #parts: BatchRunParts<M>;
  readonly #frame: BatchFrame;
  readonly #generation: number;
  readonly #work: PartitionWork;
  readonly #interrupted: Promise<never>;
  readonly #unhook: () => void;
  #beat: Timer | undefined = undefined;
  #isStopped = false;
  #committedAt: number;

  constructor(parts: BatchRunParts<M>, frame: BatchFrame) {
    this.#parts = parts;
    this.#frame = frame;
    const { group, clock } = parts;
    this.#generation = group.generation;
    const [first] = frame.messages;
    if (first !== undefined && group.workOf(frame).isOvertakenBy(first.offset)) group.endOne(frame, 'lost');
    this.#work = group.workOf(frame);
    this.#committedAt = clock.now();
    let unhook = nothing;
    this.#interrupted = new Promise((_resolve, reject) => (unhook = group.onInterrupt(reject)));
    ignoreRejection(this.#interrupted);
    this.#unhook = unhook;
    this.#beatLater();
  }

  async all(): Promise<void> {
    const { inFlight, context } = this.#parts;
    if (!inFlight.isOpen || context.cancelled) this.#frame.pause(); // it would be delivered again at once, and again
    for (const message of this.#frame.messages) {
      if (!this.#mayBegin()) break;
      const taken = this.#work.take(message, () => this.#handle(message));
      const outcome = await Promise.race([taken, this.#interrupted]);
      if (!this.#isCurrent()) break;
      if (!(await this.#settled(message, outcome))) break;
    }
    await this.#commit();
  }

  async commitBeforeRebalance(error: unknown): Promise<void> {
    const { type } = (error ?? {}) as { readonly type?: unknown };
    if (type !== 'REBALANCE_IN_PROGRESS') return;
    try {
      await this.#commit();
    } catch {
      // it was too late: what was done is delivered again, and known here if the partition is kept
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#beat?.cancel();
    this.#unhook();
  }

  // --- internal ---

  #mayBegin(): boolean {
    const { inFlight } = this.#parts;
    return this.#isCurrent() && inFlight.isOpen && this.#frame.isRunning() && !this.#frame.isStale(); // (3)
  }

  #isCurrent(): boolean {
    return this.#parts.group.generation === this.#generation && !this.#work.context.cancelled;
  }

  /** Another one may have been waited for, and the world be another one since. */
  async #handle(message: KafkaMessageLike): Promise<MessageOutcome> {
    return this.#mayBegin() ? runMessage(this.#parts, this.#work, message) : { kind: 'ended' };
  }

  /** Deals with what a message came to. Returns whether the next one may begin. */
  async #settled({ offset }: KafkaMessageLike, outcome: MessageOutcome): Promise<boolean> {
    this.#work.settle(offset, outcome);
    if (outcome.kind === 'again') this.#pause(outcome.delayMs);
    if (outcome.kind !== 'done') return false;
    this.#frame.resolve(offset);
    if (this.#parts.clock.now() - this.#committedAt >= this.#parts.commitEveryMs) await this.#commit();
    return true;
  }

  #pause(delayMs: number): void {
    const { clock, pauses } = this.#parts;
    const resume = this.#frame.pause();
    const timer = clock.setTimer(() => {
      pauses.delete(timer);
      try {
        resume();
      } catch {
        // the consumer was stopped meanwhile: there is nothing to go on with
      }
    }, delayMs);
    timer.unref();
    pauses.add(timer);
  }

  async #commit(): Promise<void> {
    const offset = this.#work.uncommitted;
    if (offset === undefined || !this.#isCurrent()) return; // (2): and from here on to the client without a wait
    this.#committedAt = this.#parts.clock.now();
    await this.#frame.commit(offset);
    this.#work.committed(offset);
  }

  #beatLater(): void {
    const { clock, heartbeatEveryMs, group } = this.#parts;
    this.#beat = clock.setTimer(() => {
      const beating = this.#frame.heartbeat().then(
        () => (this.#isStopped ? undefined : this.#beatLater()), // (1)
        (error: unknown) => {
          if (!this.#isStopped && group.generation === this.#generation) group.interrupt(error);
        },
      );
      ignoreRejection(beating);
    }, heartbeatEveryMs);
  }
}
