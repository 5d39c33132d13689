/**
 * Publish properties: what is sent with a message so that its context arrives with it.
 *
 * Invariants
 *  (1) A message expires in its queue no later than its publisher's deadline, unless it is to outlive it: then no deadline is told.
 *  (2) What the caller gave is copied, never changed.
 *
 * @module
 */

import { ConfigError, type Context } from '@holdfast/core';

import type { QueueCodec } from '../codec.ts';
import type { AmqpPublishOptions } from './amqp-channel.ts';

/** How a message is sent: the options that amqplib knows, whatever they are, and these. */
export interface SendOptions {
  /** Headers of your own. What the codec writes is added; what is there under its names is replaced. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** The id by which the message is known, and handled once. By default a random one. */
  readonly messageId?: string | undefined;
  /**
   * Time that it may wait in its queue; by default, and at most, the time that the context has left. Milliseconds, a whole number
   * from 0 to 4 294 967 295; 0 is for who takes it at once.
   */
  readonly expirationMs?: number | undefined;
  /**
   * Which deadline goes with it: `context`, the one of the context, or `none`, for what must be handled however late, as a record of what
   * was done. Then it does not expire with whoever sends it, and its handler has the time that the consumer gives; the wait for the
   * broker still ends with the context. By default `context`.
   */
  readonly deadline?: 'context' | 'none' | undefined;
  /** Whether publishing fails where no queue takes the message. By default as the publisher says. */
  readonly mandatory?: boolean | undefined;
  /** Whether it survives a restart of the broker in a durable queue. By default as the publisher says. */
  readonly persistent?: boolean | undefined;
  readonly [option: string]: unknown;
}

/** A message, and how it is sent. */
export interface PublishMessage extends SendOptions {
  /** Where it goes. By default the exchange without a name, in which the key is the name of a queue. */
  readonly exchange?: string | undefined;
  /** The key by which the exchange finds queues for it. */
  readonly routingKey: string;
  /** What it says; a text goes as UTF-8. It must not be changed until the message is published. */
  readonly content: Uint8Array | string;
}

/** How a message is sent that has its id. */
export type LetterOptions = SendOptions & { readonly messageId: string };

/** What is taken where the caller gave nothing. */
export interface PropertyDefaults {
  readonly codec: QueueCodec;
  readonly mandatory: boolean;
  readonly persistent: boolean;
  readonly setsExpiration: boolean;
}

/**
 * Checks a message.
 *
 * @throws ConfigError when one is not valid.
 */
export function checkPublishMessage(options: PublishMessage): void {
  if (typeof options !== 'object' || options === null)
    throw new ConfigError('publish.message', 'an object with routingKey and content', options);
  for (const [option, [isValid, expectation]] of Object.entries(rules)) {
    const value: unknown = options[option];
    if (!(value === undefined && !required.has(option)) && !isValid(value))
      throw new ConfigError(`publish.${option}`, expectation, value);
  }
}

/** Returns what amqplib is given. */
export function propertiesOf(context: Context, options: LetterOptions, defaults: PropertyDefaults): AmqpPublishOptions {
  const { expirationMs, deadline, ...rest } = options;
  const told = deadline === 'none' ? context.withoutCancel() : context;
  const leftMs = defaults.setsExpiration ? Math.floor(told.remainingMs()) : Infinity;
  const waitMs = Math.min(leftMs, expirationMs ?? Infinity); // (1)
  return {
    ...rest,
    headers: defaults.codec.inject(told, { ...options.headers }), // (2)
    mandatory: options.mandatory ?? defaults.mandatory,
    persistent: options.persistent ?? defaults.persistent,
    ...(waitMs <= MAX_EXPIRATION_MS && { expiration: String(waitMs) }),
  };
}

// --- internal ---

/** RabbitMQ closes the channel for a longer one. */
const MAX_EXPIRATION_MS = 4_294_967_295;

type Rule = readonly [isValid: (value: unknown) => boolean, expectation: string];

const isFlag: Rule = [(value) => typeof value === 'boolean', 'true or false'];

const required: ReadonlySet<string> = new Set(['routingKey', 'content']);

const rules: Readonly<Record<string, Rule>> = {
  exchange: [(value) => typeof value === 'string', 'a string'],
  routingKey: [(value) => typeof value === 'string', 'a string'],
  content: [
    (value) => typeof value === 'string' || value instanceof Uint8Array,
    'a Buffer or a string: JSON.stringify what is neither',
  ],
  headers: [(value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'an object'],
  messageId: [
    (value) => typeof value === 'string' && value !== '' && value.length <= 255,
    'a string of 1 to 255 characters',
  ],
  expirationMs: [isMs, `whole milliseconds from 0 to ${MAX_EXPIRATION_MS}`],
  expiration: [() => false, 'left out: expirationMs is the number of it'],
  deadline: [(value) => value === 'context' || value === 'none', '"context" or "none"'],
  mandatory: isFlag,
  persistent: isFlag,
};

function isMs(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_EXPIRATION_MS;
}
