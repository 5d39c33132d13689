/**
 * Fake channel: a channel without a broker, for tests on virtual time. It does what it is told, and notes what it was told.
 *
 * @module
 */

import { EventEmitter } from 'node:events';

import type { AmqpMessage } from '@holdfast/queue/rabbitmq';

/** What a fake channel was asked to send. */
export interface SentMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  readonly options: Readonly<Record<string, unknown>> & { readonly messageId: string };
  /** Answers as the broker does: null where it has the message. */
  readonly answer: (error: Error | null) => void;
}

type Deliver = (message: AmqpMessage | null) => void;

/** A channel with confirms. */
export class FakeChannel extends EventEmitter {
  readonly connection: EventEmitter & { blocked?: boolean } = new EventEmitter();
  /** `ack 1`, `requeue 2`, `reject 3`, `prefetch 5`, `cancel t1`, ... in their order. */
  readonly log: string[] = [];
  readonly sent: SentMessage[] = [];
  /** Whether there is room after the next message. */
  hasRoom = true;
  isClosed = false;
  #deliver: Deliver | undefined = undefined;
  #tags = 0;

  get settled(): string[] {
    return this.log.filter((line) => /^(ack|requeue|reject) /.test(line));
  }

  /** Delivers a message to the consumer. Returns its delivery tag. */
  deliver({ content = 'x', redelivered = false, ...properties }: Incoming = {}): number {
    const deliveryTag = ++this.#tags;
    const fields = { deliveryTag, redelivered, exchange: '', routingKey: 'work' };
    this.#deliver?.({ content: Buffer.from(content), fields, properties });
    return deliveryTag;
  }

  /** Cancels the consumer, as the broker does when the queue is deleted. */
  cancelConsumer(): void {
    this.#deliver?.(null);
  }

  /** Closes as the broker does, with an error. */
  break(error: Error): void {
    this.isClosed = true;
    this.emit('error', error);
    this.emit('close');
  }

  prefetch(count: number): Promise<void> {
    this.#note(`prefetch ${count}`);
    return Promise.resolve();
  }

  consume(queue: string, deliver: Deliver, options: object = {}): Promise<{ consumerTag: string }> {
    this.#note(`consume ${queue} ${JSON.stringify(options)}`);
    this.#deliver = deliver;
    return Promise.resolve({ consumerTag: 't1' });
  }

  cancel(consumerTag: string): Promise<void> {
    this.#note(`cancel ${consumerTag}`);
    return Promise.resolve();
  }

  ack({ fields }: AmqpMessage): void {
    this.#note(`ack ${fields.deliveryTag}`);
  }

  nack({ fields }: AmqpMessage, _allUpTo = false, requeue = true): void {
    this.#note(`${requeue ? 'requeue' : 'reject'} ${fields.deliveryTag}`);
  }

  publish(...[exchange, routingKey, content, options, answer]: PublishArguments): boolean {
    this.#note(`publish ${routingKey}`);
    this.sent.push({ exchange, routingKey, content, options, answer: answer ?? (() => {}) });
    return this.hasRoom;
  }

  waitForConfirms(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#note('close');
    this.isClosed = true;
    this.emit('close');
    return Promise.resolve();
  }

  #note(line: string): void {
    if (this.isClosed) throw Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' }); // as amqplib does, of every method
    this.log.push(line);
  }
}

interface Incoming {
  readonly content?: string;
  readonly redelivered?: boolean;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly messageId?: unknown;
}

type PublishArguments = [
  exchange: string,
  routingKey: string,
  content: Uint8Array,
  options: SentMessage['options'],
  answer?: (error: Error | null) => void,
];
