/**
 * Subscription: hears what is published on the channels of shards, by whatever connections that takes.
 *
 * @module
 */

import { type ConnectionSettings, ownConnection } from '../own-connection.ts';
import type { RedisClient } from '../redis-client.ts';
import { ChannelLine, type LineSettings } from './channel-line.ts';

/** Who is told. */
export interface SubscriptionListener {
  /** A channel is heard from now on, or not any more. */
  subscribed(channel: string, isSubscribed: boolean): void;
  heard(channel: string, text: string): void;
}

/** Channels that are heard. */
export interface Subscription {
  /** Whether channels are those of a Cluster's shards, so that SPUBLISH is what is heard. */
  readonly isSharded: boolean;
  /** Hears a channel from when it can, again and again. */
  add(channel: string): void;
  /** Something that was published on a channel was not heard, though nothing seems wrong: hears it over another connection. */
  renew(channel: string): void;
  /** Ends all connections; nothing is told any more. */
  close(): void;
}

/** What a subscription is made with. */
export interface SubscriptionParts {
  readonly line: LineSettings;
  readonly connection: ConnectionSettings;
  readonly listener: SubscriptionListener;
}

/** Subscribes by one connection: stand-alone, or to the master that a Sentinel names. */
export function subscription(client: RedisClient, { line, connection, listener }: SubscriptionParts): Subscription {
  const channels = new ChannelLine({
    ...line,
    connection: ownConnection(client, connection),
    command: 'subscribe',
    listener: {
      began: (channel) => listener.subscribed(channel, true),
      lost: (channel) => listener.subscribed(channel, false),
      heard: (channel, text) => listener.heard(channel, text),
      refused: () => {}, // it is counted, and asked for again with the next PING
      ended: () => {}, // only by close
    },
  });
  return {
    isSharded: false,
    add: (channel) => channels.add(channel),
    renew: () => channels.renew(),
    close: () => channels.close(),
  };
}
