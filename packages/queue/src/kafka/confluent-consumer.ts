/**
 * Confluent consumer: the same for @confluentinc/kafka-javascript, whose native part sends heartbeats by itself, and which tells
 * of a rebalance before it lets partitions go.
 *
 *   revoke (-174) ─► contexts end ─► handlers stop, within `graceMs` ─► what was done is committed ─► partitions are let go
 *   lost ──────────► contexts end, nothing is committed
 *   assign (-175) ─► born
 *
 * Invariants
 *  (1) A revoked partition is let go only when its handlers have ended, or `graceMs` has passed.
 *  (2) Nothing is committed for a partition that was lost, or once it was let go.
 *
 * @module
 */

import { ConfigError, Context, isFunction, reportHookError } from '@holdfast/core';

import { endedBefore } from '../in-flight/ended-before.ts';
import { type BatchRunParts, frameOf, runBatch } from './batch-run.ts';
import { type KafkaConsumerOptions, resolveConsumer } from './consumer-options.ts';
import { type KafkaConsumer, kafkaComponent } from './kafka-component.ts';
import type { ConfluentConsumerLike, KafkaMessageLike, KafkaRunConfig } from './kafka-like.ts';
import type { PartitionPlace, PartitionWork } from './partition-work.ts';

/** What is to be given to the client as `rebalance_cb`. */
export type RebalanceCallback = (
  error: { readonly code: number },
  assignment: readonly PartitionPlace[],
  functions?: { assignmentLost?(): boolean },
) => Promise<void>;

/** Options of {@link confluentConsumer}. Omitted ones take {@link kafkaConsumerDefaults}. */
export interface ConfluentConsumerOptions<M = KafkaMessageLike> extends KafkaConsumerOptions<M> {
  /**
   * Makes the consumer: `(rebalance_cb) => kafka.consumer({ kafkaJS: { groupId: 'mails', autoCommit: false }, rebalance_cb })`.
   * Called once, by start.
   */
  readonly make: (rebalance: RebalanceCallback) => ConfluentConsumerLike;
}

/**
 * Makes a consumer of @confluentinc/kafka-javascript that is started, drained and closed. It must not commit by itself.
 *
 * @throws as {@link kafkaConsumer} does.
 */
export function confluentConsumer<M = KafkaMessageLike>(options: ConfluentConsumerOptions<M>): KafkaConsumer {
  const settings = resolveConsumer<M, ConfluentConsumerOptions<M>>('confluentConsumer', options, ['make']);
  isFunction('confluentConsumer.make', settings.make);
  return kafkaComponent<ConfluentConsumerLike, M>(settings, {
    make: (parts) => {
      const client = requireClient(
        settings.make(({ code }, assignment, functions) => {
          const isLost = functions?.assignmentLost?.() === true;
          return rebalance(parts, client, { code, assignment, isLost });
        }),
      );
      return client;
    },
    run: (client, parts) => client.run(runConfig(client, parts) as never),
    leave: async () => {}, // it leaves when it disconnects
  });
}

// --- internal ---

const ASSIGN = -175;
const REVOKE = -174;

function requireClient(client: ConfluentConsumerLike): ConfluentConsumerLike {
  const methods = ['connect', 'subscribe', 'run', 'commitOffsets', 'disconnect'] as const;
  if (methods.some((method) => typeof client?.[method] !== 'function'))
    throw new ConfigError('confluentConsumer.make()', 'a consumer of @confluentinc/kafka-javascript', client);
  return client;
}

interface Rebalance {
  readonly code: number;
  readonly assignment: readonly PartitionPlace[];
  readonly isLost: boolean;
}

async function rebalance(
  parts: BatchRunParts<never>,
  client: ConfluentConsumerLike,
  { code, assignment, isLost }: Rebalance,
): Promise<void> {
  parts.counts.rebalances++;
  if (code === ASSIGN) for (const place of assignment) parts.group.workOf(place);
  if (code !== REVOKE) return;
  const works = assignment.flatMap((place) => parts.group.known(place) ?? []);
  for (const work of works) parts.group.endOne(work, isLost ? 'lost' : 'revoked');
  if (isLost) return; // (2)
  const limit = Context.withClock(parts.clock).withTimeout(parts.graceMs);
  await endedBefore(Promise.all(works.map((work) => work.finished())), limit, parts.clock).catch(() => {}); // (1)
  await commitAll(parts, client, works);
}

/** Commits what was done of partitions that are about to be let go. */
async function commitAll(
  { name }: BatchRunParts<never>,
  client: ConfluentConsumerLike,
  works: readonly PartitionWork[],
): Promise<void> {
  const offsets = works.flatMap(({ topic, partition, uncommitted }) =>
    uncommitted === undefined ? [] : [{ topic, partition, offset: uncommitted }],
  );
  try {
    if (offsets.length > 0) await client.commitOffsets(offsets);
  } catch (error) {
    reportHookError('commitOffsets', error, name); // it is delivered again, to whoever has the partition next
  }
}

function runConfig(client: ConfluentConsumerLike, parts: BatchRunParts<never>): KafkaRunConfig {
  return {
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: parts.maxConcurrent,
    eachBatch: (payload) =>
      runBatch(
        parts,
        frameOf(payload, (offset) => client.commitOffsets([offset])),
      ),
  };
}
