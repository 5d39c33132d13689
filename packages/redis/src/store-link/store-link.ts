/**
 * Store link: the connections of one store: one for its scripts, and those that its channels are heard over.
 *
 * @module
 */

import type { Clock, Random } from '@holdfast/core';

import { isCluster, ownConnection } from '../own-connection.ts';
import type { OwnCluster, OwnConnection, RedisClient } from '../redis-client.ts';
import type { ConnectionLog, LineSettings } from './channel-line.ts';
import { clusterSubscription } from './cluster-subscription.ts';
import { type Subscription, type SubscriptionListener, subscription } from './subscription.ts';

/** The connections of a store. */
export interface StoreLink {
  readonly commands: OwnConnection;
  readonly subscription: Subscription;
  close(): void;
}

/** How connections are made and how long they may take. */
interface ConnectionSettings {
  readonly clock: Clock;
  readonly random: Random;
  readonly commandTimeoutMs: number;
}

/** What a link is made with. */
export interface StoreLinkParts {
  readonly settings: ConnectionSettings;
  readonly log: ConnectionLog;
  readonly pingEveryMs: () => number;
  readonly listener: SubscriptionListener;
  /** Scripts can be sent from now on. */
  readonly onReady: () => void;
}

/** Opens the connections of a store. */
export function openStoreLink(client: RedisClient, parts: StoreLinkParts): StoreLink {
  const { settings, log, onReady } = parts;
  const { commandTimeoutMs, random, clock } = settings;
  const commands = ownConnection(client, { role: 'commands', commandTimeoutMs, random, clock });
  const listeners: readonly (readonly [event: string, listener: (error?: unknown) => void])[] = [
    ['ready', () => onReady()],
    ['error', (error) => log.noteConnection(error)],
    ['node error', (error) => log.noteConnection(error)], // of a Cluster
  ];
  for (const [event, listener] of listeners) commands.on(event, listener);
  const channels = subscribe(client, commands, parts);
  return {
    commands,
    subscription: channels,
    close: () => {
      channels.close();
      for (const [event, listener] of listeners) commands.off(event, listener);
      commands.disconnect();
    },
  };
}

// --- internal ---

/** A subscription or a PING may take this long at least: giving up costs a connection. Milliseconds. */
const MIN_DEADLINE_MS = 1000;

function subscribe(client: RedisClient, commands: OwnConnection, parts: StoreLinkParts): Subscription {
  const { settings, log, pingEveryMs, listener } = parts;
  const { clock, random } = settings;
  const deadlineMs = Math.max(MIN_DEADLINE_MS, settings.commandTimeoutMs);
  const line: LineSettings = { clock, random, deadlineMs, pingEveryMs, log };
  const connection = { role: 'subscriber', commandTimeoutMs: 2 * deadlineMs, random, clock } as const; // ours is the one that counts
  return isCluster(client)
    ? clusterSubscription(commands as OwnCluster, { line, connection, listener })
    : subscription(client, { line, connection, listener });
}
