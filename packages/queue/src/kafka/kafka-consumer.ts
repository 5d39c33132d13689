/**
 * Kafka consumer: a consumer of kafkajs whose messages have a context: with the deadline of whoever sent them, ended by a
 * rebalance that takes their partition, and by a drain.
 *
 * kafkajs sends heartbeats between messages only, and joins a group again only when all handlers have ended. Here there are
 * heartbeats while a handler runs, and one that brings word of a rebalance lets kafkajs join again at once: handlers go on
 * beside it. Those whose partition is kept are not disturbed; their message, which is delivered again, joins its own run.
 *
 * Invariants
 *  (1) Offsets are committed here, never by kafkajs itself, which would commit those of a lost partition as well.
 *  (2) When the consumer has crashed, is stopped or disconnected, all partitions are ended.
 *
 * @module
 */

import { ConfigError, isFunction } from '@holdfast/core';

import { type BatchRunParts, frameOf, runBatch } from './batch-run.ts';
import { type KafkaConsumerOptions, resolveConsumer } from './consumer-options.ts';
import { type KafkaConsumer, kafkaComponent } from './kafka-component.ts';
import type { KafkaMessageLike, KafkaRunConfig, KafkajsConsumerLike } from './kafka-like.ts';

/** Options of {@link kafkaConsumer}. Omitted ones take {@link kafkaConsumerDefaults}. */
export interface KafkajsConsumerOptions<M = KafkaMessageLike> extends KafkaConsumerOptions<M> {
  /** Makes the consumer: `() => kafka.consumer({ groupId: 'mails' })`. Called once, by start. */
  readonly make: () => KafkajsConsumerLike;
}

/**
 * Makes a consumer of kafkajs that is started, drained and closed.
 *
 * @throws ConfigError at creation, when an option is not valid; from start, when `make` makes no consumer, and when it was started or
 * drained before.
 * @throws what the client throws from start, unchanged, and `context.cause` where it has not begun in time.
 * @throws `context.cause` from close, when that is not over in time.
 *
 * @example
 * ```ts
 * const orders = kafkaConsumer({
 *   make: () => kafka.consumer({ groupId: 'billing' }),
 *   topics: ['orders'],
 *   handle: (context, { message }) => bill(JSON.parse(String(message.value)), context),
 * });
 * await orders.start();
 * ```
 */
export function kafkaConsumer<M = KafkaMessageLike>(options: KafkajsConsumerOptions<M>): KafkaConsumer {
  const settings = resolveConsumer<M, KafkajsConsumerOptions<M>>('kafkaConsumer', options, ['make']);
  isFunction('kafkaConsumer.make', settings.make);
  return kafkaComponent(settings, {
    make: (parts, over) => listenTo(requireClient(settings.make()), parts, over),
    run: (client, parts) => client.run(runConfig(parts) as never),
    leave: (client) => client.stop(),
  });
}

// --- internal ---

function requireClient(client: KafkajsConsumerLike): KafkajsConsumerLike {
  const methods = ['connect', 'subscribe', 'run', 'stop', 'disconnect', 'on'] as const;
  if (methods.some((method) => typeof client?.[method] !== 'function'))
    throw new ConfigError('kafkaConsumer.make()', 'a consumer of kafkajs', client);
  return client;
}

interface JoinEvent {
  readonly payload: {
    readonly memberId: string;
    readonly memberAssignment: Readonly<Record<string, readonly number[]>>;
  };
}

interface CrashEvent {
  readonly payload?: { readonly error?: unknown; readonly restart?: boolean };
}

function listenTo(
  client: KafkajsConsumerLike,
  { group, counts }: BatchRunParts<never>,
  over: (cause: unknown) => void,
): KafkajsConsumerLike {
  const listen = (event: string, listener: (event: never) => void): unknown =>
    client.on(event as never, listener as never);
  listen('consumer.group_join', ({ payload: { memberId, memberAssignment } }: JoinEvent) => {
    counts.rebalances++;
    const places = Object.entries(memberAssignment).flatMap(([topic, partitions]) =>
      partitions.map((partition) => ({ topic, partition })),
    );
    group.joined(memberId, places);
  });
  listen('consumer.heartbeat', () => group.heard());
  listen('consumer.crash', ({ payload }: CrashEvent) => {
    group.endAll('stopped'); // (2)
    if (payload?.restart !== true) over(payload?.error);
  });
  for (const event of ['consumer.stop', 'consumer.disconnect']) listen(event, () => group.endAll('stopped')); // (2)
  return client;
}

function runConfig(parts: BatchRunParts<never>): KafkaRunConfig {
  return {
    autoCommit: false, // (1)
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: parts.maxConcurrent,
    eachBatch: (payload) =>
      runBatch(
        parts,
        frameOf(payload, ({ topic, partition, offset }) =>
          payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset }] }] }),
        ),
      ),
  };
}
