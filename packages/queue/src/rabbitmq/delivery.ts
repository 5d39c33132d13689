/**
 * Delivery: a message as its handler sees it.
 *
 * @module
 */

import { type ContextKey, contextKey } from '@holdfast/core';

import type { OnceTry } from '../once/once-port.ts';
import type { AmqpMessage } from './amqp-channel.ts';

/** What a handler is given besides its context. It settles nothing itself: what it returns or throws does. */
export interface Delivery {
  readonly queue: string;
  /** The message as amqplib handed it over. */
  readonly message: AmqpMessage;
  readonly content: Uint8Array;
  /** Number of the try, from 1; Infinity where it can be told from none after it, on a classic queue and without an id. */
  readonly attempt: number;
  /** Whether the broker has delivered it before, to whomever. */
  readonly isRedelivered: boolean;
  /** What `once` gave, where there is one. */
  readonly grant: OnceTry | undefined;
}

/** The delivery that a context is of: `context.value(deliveryInfo)?.attempt`. */
export const deliveryInfo: ContextKey<DeliveryInfo> = contextKey<DeliveryInfo>('rabbitmq delivery');

/** Which delivery a context is of. */
export interface DeliveryInfo {
  readonly queue: string;
  readonly messageId: string | undefined;
  readonly attempt: number;
}
