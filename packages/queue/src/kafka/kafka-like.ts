/**
 * Kafka clients: what is asked of kafkajs and of @confluentinc/kafka-javascript, so that their types are nowhere imported.
 *
 * @module
 */

/** The headers of a message: texts or bytes, and several where a name comes twice. */
export type KafkaHeaders = { [name: string]: Uint8Array | string | (Uint8Array | string)[] | null | undefined };

/** What is asked of a message that was received. */
export interface KafkaMessageLike {
  readonly key?: Buffer | null | undefined;
  readonly value: Buffer | null;
  readonly offset: string;
  readonly timestamp?: string | undefined;
  readonly headers?: KafkaHeaders | undefined;
}

/** Where a message stands. */
export interface TopicPartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

/** What is asked of a batch while it is handled. */
export interface KafkaBatchPayload {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    readonly messages: readonly KafkaMessageLike[];
  };
  resolveOffset(offset: string): void;
  heartbeat(): Promise<unknown>;
  pause(): () => void;
  commitOffsetsIfNecessary(offsets?: {
    topics: { topic: string; partitions: { partition: number; offset: string }[] }[];
  }): Promise<unknown>;
  isRunning(): boolean;
  isStale(): boolean;
}

/** What a consumer is run with. */
export interface KafkaRunConfig {
  readonly autoCommit?: boolean;
  readonly eachBatchAutoResolve: boolean;
  readonly partitionsConsumedConcurrently: number;
  readonly eachBatch: (payload: KafkaBatchPayload) => Promise<void>;
}

/** What is asked of a consumer of either client. */
export interface KafkaConsumerLike {
  connect(): Promise<unknown>;
  subscribe(subscription: { topics: (string | RegExp)[]; fromBeginning?: boolean }): Promise<unknown>;
  run(config: never): Promise<unknown>;
  disconnect(): Promise<unknown>;
}

/** What is asked of a consumer of kafkajs. */
export interface KafkajsConsumerLike extends KafkaConsumerLike {
  stop(): Promise<unknown>;
  /** Listens to an event by its name, `consumer.group_join`. Returns what ends that. */
  on(event: never, listener: never): () => void;
}

/** What is asked of a consumer of @confluentinc/kafka-javascript. */
export interface ConfluentConsumerLike extends KafkaConsumerLike {
  commitOffsets(offsets: TopicPartitionOffset[]): Promise<unknown>;
}

/** What is asked of a producer of either client. */
export interface KafkaProducerLike<R = unknown> {
  send(record: never): Promise<R>;
}
