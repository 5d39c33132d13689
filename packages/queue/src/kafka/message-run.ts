/**
 * Message run: one message from its delivery to what it has come to.
 *
 *   message ─┬─ its deadline has passed ─► done: not handled, `onExpired` is told
 *            └─ handler ─┬─ value ──────────────────────► done
 *                        ├─ cut off: partition or drain ─► ended
 *                        ├─ refused by a policy of ours ─► again, after a pause
 *                        └─ error ─┬─ so often, `onPoison` has taken it ─► done
 *                                  └─ else ──────────────────────────────► again, after a pause
 *
 * Invariants
 *  (1) It never rejects, and no handler is begun under a context that has ended.
 *  (2) The handler's context ends with the partition's, and when the handler has ended.
 *  (3) A message that has failed is not lost: it is tried again until the handler, or `onPoison`, has taken it.
 *
 * @module
 */

import {
  type CancellableContext,
  type ContextKey,
  type InFlight,
  type RunInFlight,
  callHook,
  contextKey,
  isRejection,
  reportHookError,
} from '@holdfast/core';

import { settledWithin } from '../in-flight/settled-within.ts';
import type { KafkaSettings, ReceivedMessage } from './consumer-options.ts';
import { messageContext } from '../message-context.ts';
import type { KafkaMessageLike } from './kafka-like.ts';
import type { MessageOutcome, PartitionPlace, PartitionWork } from './partition-work.ts';

/** Which message a context is of. */
export interface KafkaMessageInfo extends PartitionPlace {
  readonly offset: string;
  readonly attempt: number;
}

/** The message that a context is of: `context.value(kafkaMessage)?.offset`. */
export const kafkaMessage: ContextKey<KafkaMessageInfo> = contextKey<KafkaMessageInfo>('kafka message');

/** What messages have come to since the consumer was made. */
export interface MessageCounts {
  handled: number;
  failed: number;
  refused: number;
  expired: number;
  /** Taken by `onPoison`. */
  poison: number;
  /** Cut off, since the partition went to another consumer, or by a drain. */
  cutOff: number;
  /** Handlers that had not ended when they were waited for no more. */
  abandoned: number;
  /** Partitions that were ended by the group. */
  endedPartitions: number;
  rebalances: number;
}

/** What all messages of a consumer share. */
export interface MessageRunParts<M> extends KafkaSettings<M> {
  readonly inFlight: InFlight;
  readonly counts: MessageCounts;
}

/** Handles one message. */
export async function runMessage<M>(
  parts: MessageRunParts<M>,
  work: PartitionWork,
  message: KafkaMessageLike,
): Promise<MessageOutcome> {
  const { topic, partition } = work;
  const received = { topic, partition, message: message as M, attempt: work.failureCount(message.offset) + 1 };
  const context = contextOf(parts, work, message);
  if (context.cancelled) return work.context.cancelled ? ended(parts) : expire(parts, received);
  const { counts, inFlight } = parts;
  const run = inFlight.begin(topic, context);
  let hasFailed = true;
  try {
    await settledWithin(() => parts.handle(context, received), {
      ...parts,
      context,
      onAbandoned: () => counts.abandoned++,
    });
    hasFailed = false;
    counts.handled++;
    return { kind: 'done' };
  } catch (error) {
    if (work.context.cancelled || inFlight.isDrainCause(context.cause)) return ended(parts);
    return await failed(parts, { work, run, received, message, error });
  } finally {
    inFlight.end(run, hasFailed); // (2)
  }
}

// --- internal ---

function contextOf<M>(parts: MessageRunParts<M>, work: PartitionWork, message: KafkaMessageLike): CancellableContext {
  const { topic, partition } = work;
  const { offset } = message;
  const info = { topic, partition, offset, attempt: work.failureCount(offset) + 1 };
  const parent = work.context.withValue(kafkaMessage, info);
  return messageContext(parent, parts, (below) => parts.codec.extract(message.headers, below)).context;
}

function ended<M>({ counts }: MessageRunParts<M>): MessageOutcome {
  counts.cutOff++;
  return { kind: 'ended' };
}

function expire<M>({ counts, onExpired, name }: MessageRunParts<M>, received: ReceivedMessage<M>): MessageOutcome {
  counts.expired++;
  if (onExpired !== undefined) callHook('onExpired', name, () => onExpired(received));
  return { kind: 'done' };
}

interface Failure<M> {
  readonly work: PartitionWork;
  readonly run: RunInFlight;
  readonly received: ReceivedMessage<M>;
  readonly message: KafkaMessageLike;
  readonly error: unknown;
}

async function failed<M>(
  parts: MessageRunParts<M>,
  { work, run, received, message, error }: Failure<M>,
): Promise<MessageOutcome> {
  const { counts, inFlight, pauseMs, maxAttempts, onPoison } = parts;
  if (isRejection(error)) {
    counts.refused++;
    return { kind: 'again', delayMs: refusalPauseMs(error.retryAfterMs ?? pauseMs) };
  }
  counts.failed++;
  if (work.countFailure(message.offset) < maxAttempts || onPoison === undefined)
    return { kind: 'again', delayMs: pauseMs };
  const context = work.context.withTimeout(parts.maxTimeoutMs);
  inFlight.goOn(run, context); // (2)
  try {
    await settledWithin(() => onPoison(context, received, error), { ...parts, context, onAbandoned: () => {} });
    counts.poison++;
    return { kind: 'done' };
  } catch (failure) {
    if (work.context.cancelled || inFlight.isDrainCause(context.cause)) return ended(parts);
    reportHookError('onPoison', failure, parts.name);
    return { kind: 'again', delayMs: pauseMs }; // (3)
  }
}

/** A refusal that says "never" would hold the partition up until somebody restarts it; one that says "at once" makes a hot loop. */
function refusalPauseMs(askedMs: number): number {
  return Math.min(Math.max(MIN_PAUSE_MS, askedMs), MAX_PAUSE_MS);
}

const MIN_PAUSE_MS = 10;
const MAX_PAUSE_MS = 3_600_000;
