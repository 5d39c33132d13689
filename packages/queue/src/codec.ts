/**
 * Queue codec: carries the context of whoever publishes a message to whoever handles it: the deadline, the criticality, the
 * trace, the id of the request and the values that are named.
 *
 * ```
 *   publisher's Context ── inject ──► headers ~~~ time in the queue ~~~► headers ── extract ──► context of the handler
 * ```
 *
 * The carrier is a plain object: the headers of a message of RabbitMQ (texts, numbers, nested tables), of Kafka (texts or bytes,
 * which may come twice), or of a job that is kept as JSON. For a place that holds one text only there are `toText` and `fromText`.
 *
 * Invariants
 *  (1) The deadline travels as an instant, too: the time in the queue counts, and no handler has longer than the publisher had.
 *  (2) Nothing in a message makes `extract` or `fromText` throw.
 *
 * @module
 */

import type { CancellableContext, Context } from '@holdfast/core';
import { ConfigError } from '@holdfast/core';
import { type ContextCodec, type ContextCodecOptions, createContextCodec } from '@holdfast/context';

/** Options of {@link createQueueCodec}: those of a context codec, but for `transit`, which is always `queued`. */
export type QueueCodecOptions = Omit<ContextCodecOptions, 'transit'>;

/** What carries a context with messages. It holds counts only: one codec may serve any number of queues. */
export interface QueueCodec extends ContextCodec {
  /** Says that the time in the queue counts, which it does not with a codec for calls. */
  readonly transit: 'queued';
  /**
   * Returns what of `context` may leave as one text, for a place that holds no headers.
   *
   * @throws TypeError when `context` is no context.
   */
  toText(context: Context): string;
  /**
   * Derives from `parent` the context of a message that came with a text of `toText`. Never throws because of `text`; whatever
   * it is, it adds nothing at worst.
   *
   * @throws TypeError when `parent` is no context.
   */
  fromText(text: unknown, parent?: Context): CancellableContext;
}

/**
 * Creates a codec for messages. By default it carries the deadline, the criticality, the trace and the id of requests, and no
 * value in either direction.
 *
 * @throws ConfigError when an option is not valid.
 *
 * @example
 * ```ts
 * const codec = createQueueCodec({ schema, accept: ['region'], send: 'all' });
 * const headers = codec.inject(context, {}); // with a message
 * const received = codec.extract(headers, Context.background.withTimeout(60_000)); // where it is handled
 * ```
 */
export function createQueueCodec(options: QueueCodecOptions = {}): QueueCodec {
  const { transit = 'queued' } = options as ContextCodecOptions;
  if (transit !== 'queued') throw new ConfigError('codec.transit', '"queued" for messages', transit);
  const codec = createContextCodec({ ...options, transit });
  return Object.freeze({
    ...codec,
    transit: 'queued',
    toText: (context: Context) => JSON.stringify(codec.inject(context, {})),
    fromText: (text: unknown, parent?: Context) => codec.extract(parsed(text), parent),
  } satisfies QueueCodec);
}

/**
 * Checks that `codec` was made for messages: with one for calls, the time in the queue would count for nothing.
 *
 * @throws ConfigError when it was not.
 */
export function requireQueueCodec(option: string, codec: unknown): void {
  const { transit, inject, extract } = (codec ?? {}) as Partial<QueueCodec>;
  const isOne = transit === 'queued' && typeof inject === 'function' && typeof extract === 'function';
  if (!isOne) throw new ConfigError(option, 'a codec of createQueueCodec', codec);
}

// --- internal ---

/** Longer than any text of `toText` is: what is longer is not read. */
const MAX_TEXT_LENGTH = 65_536;

/** What `text` says, as data; undefined where it says nothing. */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string' || text.length > MAX_TEXT_LENGTH) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // (2)
  }
}
