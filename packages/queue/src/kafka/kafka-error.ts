/**
 * Kafka errors: with what the context of a partition ends.
 *
 * @module
 */

import { ResilienceError, nameErrorClass } from '@holdfast/core';

/** Why a partition is this consumer's no more. */
export type PartitionEnd = 'revoked' | 'lost' | 'stopped';

/**
 * A partition is this consumer's no more: what its handlers do now, another consumer may do as well. `reason` is `revoked`
 * where the group was rebalanced, `lost` where the group went on without this consumer, `stopped` where it was stopped.
 */
export class PartitionEndedError extends ResilienceError {
  readonly code = 'PARTITION_ENDED';
  readonly topic: string;
  readonly partition: number;
  readonly reason: PartitionEnd;

  constructor(policy: string, { topic, partition }: { topic: string; partition: number }, reason: PartitionEnd) {
    super(`partition ${partition} of ${topic} was ${reason}`, { policy });
    this.topic = topic;
    this.partition = partition;
    this.reason = reason;
  }
}

// --- internal ---

nameErrorClass(PartitionEndedError, 'PartitionEndedError');
