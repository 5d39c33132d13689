/**
 * RabbitMQ: consumers and publishers on channels of amqplib, whose messages carry their context.
 *
 * @module
 */

export type { AbandonedRun, DrainReport, FinishedRuns } from '@holdfast/core';
export type { Once, OnceTry } from '../once/once-port.ts';
export type { AmqpChannel, AmqpMessage, AmqpProperties, AmqpPublishOptions, AmqpReturned } from './amqp-channel.ts';
export { type Consumer, createConsumer } from './consumer.ts';
export type { ConsumerCounts } from './consumer-counts.ts';
export type {
  ConsumerCancelledEvent,
  ConsumerEndedEvent,
  ConsumerEvent,
  ConsumerResubscribedEvent,
  HandlerAbandonedEvent,
  MessageExpiredEvent,
  MessageFailedEvent,
} from './consumer-event.ts';
export { consumerDefaults, type ConsumerOptions, type MessageQuarantine } from './consumer-options.ts';
export { type Delivery, deliveryInfo, type DeliveryInfo } from './delivery.ts';
export type { PublishMessage, SendOptions } from './publish-properties.ts';
export type { Published } from './publish-run.ts';
export { createPublisher, type Publisher, publisherDefaults, type PublisherOptions } from './publisher.ts';
export type { PublisherCounts } from './publisher-counts.ts';
export {
  ChannelClosedError,
  ConsumerCancelledError,
  MessageKeyMissingError,
  MessageReturnedError,
  PublisherFullError,
  PublishRefusedError,
  PublishUnconfirmedError,
} from './rabbitmq-error.ts';
export type { MessageFailure, Disposition } from './disposition.ts';
