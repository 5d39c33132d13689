/**
 * Own connection: how the library connects to the Redis that the application's client points at.
 *
 * The options that a call's fate must not depend on are the opposite of the client's defaults: nothing is queued while the
 * server is away, nothing is sent again after a reconnect, and a command gives up in time.
 *
 * Invariants
 *  (1) The client that was handed in is never used for a command, changed or closed.
 *  (2) A command is sent at most once but where a Cluster redirects it, and never after its promise was settled by a disconnect.
 *  (3) An error event of a connection of ours is never unhandled.
 *  (4) What {@link ownConnection} made comes back by itself, for ever, until it is disconnected; a fleet does not come back in step.
 *
 * @module
 */

import { type Clock, ConfigError, type Random, systemClock, steadyRandom } from '@holdfast/core';

import { revive } from './connection-revival.ts';
import type { ClusterNode, OwnConnection, RedisClient } from './redis-client.ts';

/** What a connection is for. A subscriber's commands are its subscriptions. */
type ConnectionRole = 'commands' | 'subscriber';

/** How a connection is made. */
export interface ConnectionSettings {
  readonly role: ConnectionRole;
  /** Time after which a command counts as lost. Milliseconds. */
  readonly commandTimeoutMs: number;
  /** Source of the jitter of reconnects. */
  readonly random: Random;
  /** By default the platform's. */
  readonly clock?: Clock;
}

/**
 * Makes a connection of our own.
 *
 * @throws ConfigError when the client has a `keyPrefix`: keys and channels must be what the access rules say.
 */
export function ownConnection(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  refuseKeyPrefix(client);
  const connection = isCluster(client) ? duplicateCluster(client, settings) : lastingRedis(client, settings);
  connection.on('error', () => {}); // (3): whoever needs to know asks for the status, or gets the command's error
  return connection;
}

/** Makes a connection to one server of a Cluster, for subscriptions. It does not come back by itself: another may have its slots. */
export function nodeConnection(node: ClusterNode, settings: ConnectionSettings): OwnConnection {
  const connection = (node as unknown as Duplicable).duplicate({
    ...serverOptions(settings),
    retryStrategy: null,
    enableOfflineQueue: false,
    lazyConnect: false,
  });
  connection.on('error', () => {}); // (3)
  return connection;
}

/** Whether the client is one of a Cluster. */
export function isCluster(client: RedisClient): boolean {
  return client.isCluster === true;
}

/**
 * Checks that keys and channels of a client are what they are called.
 *
 * @throws ConfigError when the client has a `keyPrefix`.
 */
export function refuseKeyPrefix(client: RedisClient): void {
  const { keyPrefix, redisOptions } = client.options as HasPrefix;
  const prefix = [keyPrefix, redisOptions?.keyPrefix].find((one) => one !== undefined && one !== '');
  if (prefix !== undefined)
    throw new ConfigError('redis.keyPrefix', 'absent: set namespace or prefix here instead', prefix);
}

// --- internal ---

const MIN_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 1000;
const CONNECT_TIMEOUT_MS = 1000;
const KEEP_ALIVE_MS = 10_000;
const MAX_REDIRECTIONS = 3;

/** A connection that was given up is tried again after as long as in this attempt: not the whole fleet at once. */
const REVIVAL_ATTEMPT = 3;

/** Time between two reconnects for the reason that a server is no master. */
const RECONNECT_PAUSE_MS = 1000;

/** Time that a peer has to end its half of a connection before it is cut. */
const DISCONNECT_TIMEOUT_MS = 100;

/** A server that says for how long it will load is asked again at least this often. */
const MAX_LOADING_RETRY_MS = 500;

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

function lastingRedis(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  const connection = duplicateRedis(client, settings);
  const delayMs = (): number => retryStrategy(settings.random)(REVIVAL_ATTEMPT);
  revive(connection, { clock: settings.clock ?? systemClock, delayMs }); // (4)
  return connection;
}

function duplicateRedis(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  return (client as unknown as Duplicable).duplicate({
    ...serverOptions(settings),
    ...sentinelOptions(client, settings),
    retryStrategy: retryStrategy(settings.random), // (4)
    enableOfflineQueue: false,
    lazyConnect: false,
  });
}

function duplicateCluster(client: RedisClient, settings: ConnectionSettings): OwnConnection {
  return (client as unknown as DuplicableCluster).duplicate([], {
    enableOfflineQueue: false,
    enableReadyCheck: true,
    lazyConnect: false,
    shardedSubscribers: false, // we subscribe by connections of our own, whose loss we hear of
    maxRedirections: MAX_REDIRECTIONS,
    retryDelayOnFailover: 0, // (2): by default a command in flight at a disconnect is sent again
    retryDelayOnClusterDown: 0, // who asks, asks again by itself
    scaleReads: 'master',
    enableAutoPipelining: false,
    showFriendlyErrorStack: false,
    himportFieldsets: undefined,
    clusterRetryStrategy: retryStrategy(settings.random), // (4)
    clusterNodeRetryStrategy: null, // a node that is gone is found again through the others
    redisOptions: { ...serverOptions(settings), lazyConnect: true }, // only masters that are used
  });
}

function serverOptions({ role, commandTimeoutMs, clock = systemClock }: ConnectionSettings): object {
  return {
    autoResendUnfulfilledCommands: false, // (2)
    maxRetriesPerRequest: 0, // (2): a command in flight at a disconnect is rejected at once
    autoResubscribe: false,
    enableAutoPipelining: false,
    enableReadyCheck: true,
    readOnly: false,
    monitor: false,
    stringNumbers: false,
    replyMapping: 'legacy',
    showFriendlyErrorStack: false,
    himportFieldsets: undefined,
    commandTimeout: commandTimeoutMs,
    connectTimeout: Math.max(CONNECT_TIMEOUT_MS, commandTimeoutMs),
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    maxLoadingRetryTime: MAX_LOADING_RETRY_MS,
    keepAlive: KEEP_ALIVE_MS,
    disableClientInfo: true,
    reconnectOnError: reconnector(clock),
    socketTimeout: role === 'commands' ? 2 * commandTimeoutMs : undefined,
  };
}

function sentinelOptions(client: RedisClient, { commandTimeoutMs, random }: ConnectionSettings): object {
  const { sentinels } = client.options as { readonly sentinels?: unknown };
  if (!Array.isArray(sentinels)) return {};
  return {
    role: 'master',
    failoverDetector: true,
    sentinelCommandTimeout: Math.max(CONNECT_TIMEOUT_MS, commandTimeoutMs),
    sentinelRetryStrategy: retryStrategy(random), // (4): the client's own may give up
    sentinelReconnectStrategy: retryStrategy(random),
  };
}

/**
 * Where a server is no master any more, its name may lead to another one by now: 1 reconnects, and does not send the command
 * again. Where it leads to the same one, that is not tried with each command.
 */
function reconnector(clock: Clock): (error: Error) => 1 | false {
  let triedAt = Number.NEGATIVE_INFINITY;
  return ({ message }) => {
    const isElsewhere = ['READONLY', 'LOADING', 'MASTERDOWN'].some((word) => message.includes(word)); // older servers wrap the words
    if (!isElsewhere || clock.now() - triedAt < RECONNECT_PAUSE_MS) return false;
    triedAt = clock.now();
    return 1;
  };
}

/** Full jitter, for ever: a fleet must not come back in step. */
function retryStrategy(random: Random): (attempt: number) => number {
  const draw = steadyRandom(random, 'redis'); // what the client calls must not throw: it would never come back
  return (attempt) => {
    const bound = Math.min(MAX_RECONNECT_MS, MIN_RECONNECT_MS * 2 ** Math.min(attempt, 10));
    return MIN_RECONNECT_MS + draw() * (bound - MIN_RECONNECT_MS);
  };
}
