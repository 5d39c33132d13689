/**
 * Return watch: tells publishers of the messages that no queue wanted. RabbitMQ tells the channel, which several publishers may
 * share, so there is one listener for each channel, and whose message it is gets it alone.
 *
 * @module
 */

import type { AmqpChannel, AmqpReturned } from './amqp-channel.ts';

/** A publisher that is told of returned messages. */
export interface ReturnTaker {
  /** Takes a message that it waits for. Returns whether it does. */
  take(returned: AmqpReturned): boolean;
  /** Told of one that no publisher of the channel waits for: nobody knows any more whose it was. */
  orphaned(returned: AmqpReturned): void;
}

/** Tells `taker` of the returned messages of `channel`, for as long as there is the channel. */
export function watchReturns(channel: AmqpChannel, taker: ReturnTaker): void {
  const known = takersOf.get(channel);
  if (known !== undefined) return void known.push(taker);
  const takers = [taker];
  takersOf.set(channel, takers);
  channel.on('return', (returned: AmqpReturned) => {
    if (takers.some((each) => each.take(returned))) return;
    for (const each of takers) each.orphaned(returned);
  });
}

// --- internal ---

const takersOf = new WeakMap<object, ReturnTaker[]>();
