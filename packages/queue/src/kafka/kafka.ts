/**
 * Kafka: consumers whose messages have a context, and producers that send it along.
 *
 * @module
 */

export type { AbandonedRun, DrainReport, FinishedRuns } from '@holdfast/core';
export { type ConfluentConsumerOptions, type RebalanceCallback, confluentConsumer } from './confluent-consumer.ts';
export { type KafkaConsumerOptions, type ReceivedMessage, kafkaConsumerDefaults } from './consumer-options.ts';
export type { KafkaConsumer } from './kafka-component.ts';
export { type KafkajsConsumerOptions, kafkaConsumer } from './kafka-consumer.ts';
export { type PartitionEnd, PartitionEndedError } from './kafka-error.ts';
export type {
  ConfluentConsumerLike,
  KafkaConsumerLike,
  KafkaHeaders,
  KafkaMessageLike,
  KafkaProducerLike,
  KafkajsConsumerLike,
  TopicPartitionOffset,
} from './kafka-like.ts';
export {
  type KafkaProducer,
  type KafkaProducerOptions,
  type NewMessage,
  type NewRecord,
  kafkaProducer,
} from './kafka-producer.ts';
export { type KafkaMessageInfo, type MessageCounts, kafkaMessage } from './message-run.ts';
export type { PartitionPlace } from './partition-work.ts';
