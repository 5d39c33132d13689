/**
 * Own connection: how the library connects to the Redis that the application's client points at.
 *
 * The options that a call's fate must not depend on are the opposite of the client's defaults: nothing is queued while the
 * server is away, nothing is sent again after a reconnect, and a command gives up in time.
 *
 * Invariants
 *  (1) The client that was handed in is never used for a command, changed or closed.
 *  (2) A command is sent at most once, and never after its promise was settled by a disconnect.
 *  (3) An error event of a connection of ours is never unhandled.
 *
 * @module
 */

import { ConfigError, type Random } from '@holdfast/core';

import type { OwnConnection, RedisClient } from './redis-client.ts';

/** What a connection is for. A subscriber's commands are its subscriptions. */
export type ConnectionRole = 'commands' | 'subscriber';

/** How a connection is made. */
export interface ConnectionSettings {
  readonly role: ConnectionRole;
  /** Time after which a command counts as lost. Milliseconds. */
  readonly commandTimeoutMs: number;
  /** Source of the jitter of reconnects. */
  readonly random: Random;
}

/**
 * Makes a connection of our own.
 *
 * @throws ConfigError when the client has a `keyPrefix`: keys and channels must be what the access rules say.
 */
export function ownConnection(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  refuseKeyPrefix(client);
  const connection = isCluster(client) ? duplicateCluster(client, settings) : duplicateRedis(client, settings);
  connection.on('error', () => {}); // (3): whoever needs to know asks for the status, or gets the command's error
  return connection;
}

/** Whether the client is one of a Cluster. */
export function isCluster(client: RedisClient): boolean {
  return client.isCluster === true;
}

// --- internal ---

const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2000;
const CONNECT_TIMEOUT_MS = 1000;
const KEEP_ALIVE_MS = 10_000;
const MAX_REDIRECTIONS = 3;

interface HasPrefix {
  readonly keyPrefix?: string;
  readonly redisOptions?: { readonly keyPrefix?: string };
}

interface Duplicable {
  duplicate(override: object): OwnConnection;
}

interface DuplicableCluster {
  duplicate(nodes: readonly unknown[], override: object): OwnConnection;
}

function refuseKeyPrefix(client: RedisClient): void {
  const { keyPrefix, redisOptions } = client.options as HasPrefix;
  const prefix = keyPrefix ?? redisOptions?.keyPrefix;
  if (prefix !== undefined && prefix !== '')
    throw new ConfigError('redis.keyPrefix', 'absent: set namespace or prefix here instead', prefix);
}

function duplicateRedis(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  const ours = {
    ...sharedOptions(settings),
    ...sentinelOptions(client),
    retryStrategy: retryStrategy(settings.random),
  };
  return (client as unknown as Duplicable).duplicate({ ...ours, enableOfflineQueue: false, lazyConnect: false });
}

function duplicateCluster(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  return (client as unknown as DuplicableCluster).duplicate([], {
    enableOfflineQueue: false,
    lazyConnect: false,
    shardedSubscribers: settings.role === 'subscriber',
    maxRedirections: MAX_REDIRECTIONS,
    scaleReads: 'master',
    enableAutoPipelining: false,
    clusterRetryStrategy: retryStrategy(settings.random),
    redisOptions: sharedOptions(settings),
  });
}

function sharedOptions({ role, commandTimeoutMs }: ConnectionSettings): object {
  return {
    autoResendUnfulfilledCommands: false, // (2)
    maxRetriesPerRequest: 0, // (2): a command in flight at a disconnect is rejected at once
    autoResubscribe: false,
    enableAutoPipelining: false,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: KEEP_ALIVE_MS,
    disableClientInfo: true,
    reconnectOnError,
    ...(role === 'commands' && { socketTimeout: 2 * commandTimeoutMs }),
  };
}

function sentinelOptions(client: RedisClient): object {
  const { sentinels } = client.options as { readonly sentinels?: unknown };
  return Array.isArray(sentinels) ? { role: 'master', failoverDetector: true } : {};
}

/** 1 reconnects and does not send the command again; `includes`, since older servers wrap the words. */
function reconnectOnError(error: Error): 1 | false {
  return ['READONLY', 'LOADING', 'MASTERDOWN'].some((word) => error.message.includes(word)) ? 1 : false;
}

/** Full jitter, for ever: a fleet must not come back in step. */
function retryStrategy(random: Random): (attempt: number) => number {
  return (attempt) => {
    const bound = Math.min(MAX_RECONNECT_MS, MIN_RECONNECT_MS * 2 ** Math.min(attempt, 10));
    return MIN_RECONNECT_MS + random() * (bound - MIN_RECONNECT_MS);
  };
}
