/**
 * Redis feature store: the changes of features that a fleet shares through Redis, and no read waits for.
 *
 *   degradation ── save ─► commands connection ─► feature-save ── publish ─┐
 *        ▲                        │                                        ▼
 *        │                        └── look ─► feature-sync ─► feed ◄── subscription
 *        └──────────── records, whole, away ───────────────────┘
 *
 * A store connects when it is first used, by connections of its own; `close` ends them.
 *
 * Invariants
 *  (1) The client that was handed in is never used for a command, changed or closed.
 *  (2) What is saved, its entry in the trail and its notice are one step on the server; a record that supersedes it stays.
 *  (3) A notice is a hint: what counts is the look, every `pollMs`, after each reconnect, and where a notice is missing.
 *  (4) It is back by itself as soon as its connection is: nobody need call anything.
 *  (5) After `close` there is no connection, no timer and no event; what is asked then is refused.
 *
 * @module
 */

import { integerInRange } from '@holdfast/core';

import { SharingMode } from '../store-link/sharing-mode.ts';
import { type StoreLink, openStoreLink } from '../store-link/store-link.ts';
import { type LuaScript, StoreUnavailableError, runScript } from '../lua-script.ts';
import type { RedisClient } from '../redis-client.ts';
import { decodeId } from '../redis-key.ts';
import type { ScriptInput } from '../script-link.ts';
import { FeatureFeed } from './feature-feed.ts';
import { type FeatureKeys, featureKeys } from './feature-keys.ts';
import { FeatureListeners } from './feature-listeners.ts';
import { FeatureRequests } from './feature-requests.ts';
import { featureSync, readNotice, readSync, syncInput } from './feature-scripts.ts';
import { type FeatureStoreTeller, featureSharingTeller, featureStoreTeller } from './feature-store-events.ts';
import type { FeatureStoreHealth } from './feature-store-health.ts';
import {
  type FeatureStoreSettings,
  type RedisFeatureStoreOptions,
  featureStoreSettings,
} from './feature-store-options.ts';
import { readTrail } from './feature-trail.ts';
import { FeatureWriter } from './feature-writer.ts';
import type { FeatureAuditEntry, FeatureStoreWatch, SharedFeature, SharedFeatureChange } from './shared-feature.ts';

export type { FeatureServerOperation } from './feature-requests.ts';
export type * from './feature-store-events.ts';
export type { FeatureStoreHealth } from './feature-store-health.ts';
export { type RedisFeatureStoreOptions, redisFeatureStoreDefaults } from './feature-store-options.ts';
export type * from './shared-feature.ts';

/** Features that a fleet shares through Redis: the `store` of `createDegradation`. */
export interface RedisFeatureStore {
  /**
   * Returns the records of all features that were ever changed.
   *
   * @throws StoreUnavailableError when no answer came in time.
   */
  load(): Promise<readonly SharedFeature[]>;
  /**
   * Keeps `record` unless the one that is there supersedes it; returns the one that is there then. `change` becomes an entry of
   * the trail.
   *
   * @throws RangeError when the record has more than 262 144 bytes as JSON.
   * @throws StoreUnavailableError when no answer came in time: it may have been done.
   */
  save(record: SharedFeature, change?: SharedFeatureChange): Promise<SharedFeature>;
  /** Calls `listener` with every record that is saved from now on, and tells `watch` how the store is. Returns an end. */
  listen(listener: (record: SharedFeature) => void, watch?: FeatureStoreWatch): () => void;
  /**
   * Returns the last changes of the whole fleet, oldest first: at most `limit`, by default all that the trail holds.
   * `findTampering` checks them.
   *
   * @throws StoreUnavailableError when no answer came in time.
   */
  audit(limit?: number): Promise<readonly FeatureAuditEntry[]>;
  /** Connects, and tells whether features are shared, as soon as they are or `timeoutMs`, by default 5 000, are over. Never rejects. */
  ready(timeoutMs?: number): Promise<boolean>;
  /** How it is now. */
  health(): FeatureStoreHealth;
  /** Ends timers and connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Creates a store of features over connections of its own to where `redis` points: a `Redis` of ioredis, stand-alone or behind
 * Sentinels, or a `Cluster`. One per process; several degradations may share it.
 *
 * @throws ConfigError at creation, when an option has a value that it cannot have, or the client has a `keyPrefix`.
 * @throws TypeError at creation, when an option is not known.
 *
 * @example
 * ```ts
 * const degradation = createDegradation({ features, store: redisFeatureStore(redis, { namespace: 'shop-prod' }) });
 * ```
 */
export function redisFeatureStore(redis: RedisClient, options: RedisFeatureStoreOptions): RedisFeatureStore {
  return new SharedFeatures(redis, featureStoreSettings(redis, options));
}

// --- internal ---

const READY_TIMEOUT_MS = 5000;

/** The least time that a load waits for the connection: a start waits for its features, but not for long. */
const MIN_LOAD_WAIT_MS = 500;

const PING_EVERY_MS = 2000;

class SharedFeatures implements RedisFeatureStore {
  private readonly client: RedisClient;
  private readonly settings: FeatureStoreSettings;
  private readonly keys: FeatureKeys;
  private readonly requests: FeatureRequests;
  private readonly sharing: SharingMode;
  private readonly feed: FeatureFeed;
  private readonly writer: FeatureWriter;
  private readonly tell: FeatureStoreTeller;
  private readonly listeners: FeatureListeners;
  private link: StoreLink | undefined = undefined;
  private isHeard = false;
  private isClosed = false;
  private malformedCount = 0;

  constructor(client: RedisClient, settings: FeatureStoreSettings) {
    const { clock, random, pollMs, seal, events, namespace } = settings;
    const teller = featureStoreTeller(events, namespace);
    this.client = client;
    this.settings = settings;
    this.keys = featureKeys(settings);
    this.listeners = new FeatureListeners(namespace);
    this.tell = (event) => this.isClosed || teller(event); // (5)
    this.requests = new FeatureRequests(clock, (denial) => this.tell({ type: 'feature-store.denied', ...denial }));
    this.sharing = new SharingMode(clock, featureSharingTeller(this.tell));
    this.feed = new FeatureFeed({
      clock,
      random,
      pollMs,
      seal,
      ask: async (known) => readSync(await this.run('sync', featureSync, syncInput(this.keys, known))),
      onRecord: (record) => this.listeners.record(record),
      onWhole: (records) => this.listeners.whole(records),
      onAway: (error) => this.listeners.away(error),
      onLost: (fields) => this.tell({ type: 'feature-store.lost', features: fields.map(decodeId) }),
      onRefused: (field, problem) => this.tell({ type: 'feature-store.refused', feature: decodeId(field), problem }),
      onLooked: () => this.look(),
    });
    this.writer = new FeatureWriter({
      settings,
      keys: this.keys,
      feed: this.feed,
      connected: async () =>
        (await this.connected(settings.commandTimeoutMs)).subscription.isSharded ? 'SPUBLISH' : 'PUBLISH',
      run: (script, input) => this.run('save', script, input),
    });
  }

  async load(): Promise<readonly SharedFeature[]> {
    await this.connected(Math.max(MIN_LOAD_WAIT_MS, this.settings.commandTimeoutMs));
    return this.feed.all();
  }

  async save(record: SharedFeature, change?: SharedFeatureChange): Promise<SharedFeature> {
    return this.writer.save(record, change);
  }

  listen(listener: (record: SharedFeature) => void, watch?: FeatureStoreWatch): () => void {
    this.openLink();
    const end = this.listeners.add({ listener, watch });
    this.feed.start();
    return () => {
      end();
      if (this.listeners.size === 0) this.feed.stop();
    };
  }

  async audit(limit: number = this.settings.maxAuditEntries): Promise<readonly FeatureAuditEntry[]> {
    integerInRange('redisFeatureStore.audit.limit', limit, [1, 100_000]);
    const { clock, commandTimeoutMs: timeoutMs } = this.settings;
    const { commands: connection } = await this.connected(timeoutMs);
    return readTrail({ connection, key: this.keys.trail, requests: this.requests, clock, timeoutMs }, limit);
  }

  async ready(timeoutMs: number = READY_TIMEOUT_MS): Promise<boolean> {
    if (this.isClosed) return false;
    this.openLink();
    return this.sharing.when(() => this.sharing.mode === 'shared', timeoutMs);
  }

  health(): FeatureStoreHealth {
    const { answered, failed, latencyMs, silentMs, problem } = this.requests;
    return {
      name: this.settings.namespace,
      mode: this.sharing.mode,
      isHeard: this.isHeard,
      features: this.feed.size,
      answered,
      failed,
      latencyMs,
      silentMs,
      unexpectedNotices: this.feed.gapCount,
      malformedNotices: this.malformedCount,
      refusedRecords: this.feed.refusedCount,
      problem,
    };
  }

  // oxlint-disable-next-line require-await -- as the other stores: there is nothing to give back here
  async close(): Promise<void> {
    this.isClosed = true; // (5)
    this.isHeard = false;
    this.feed.stop();
    this.listeners.clear();
    this.sharing.close();
    this.link?.close();
  }

  /** The connections, opened when they are first needed. Throws after close. */
  private openLink(): StoreLink {
    if (this.isClosed) throw closedError();
    if (this.link !== undefined) return this.link;
    this.link = openStoreLink(this.client, {
      settings: this.settings,
      log: this.requests,
      pingEveryMs: () => PING_EVERY_MS,
      listener: {
        subscribed: (_channel, isSubscribed) => this.subscribed(isSubscribed),
        heard: (_channel, text) => this.hear(text),
      },
      onReady: () => this.begin(),
    });
    this.link.subscription.add(this.keys.channel);
    if (this.link.commands.status === 'ready') this.begin();
    return this.link;
  }

  /** The connections, as soon as scripts can be sent, or that has been waited for. */
  private async connected(waitMs: number): Promise<StoreLink> {
    const link = this.openLink();
    if (link.commands.status !== 'ready') await this.sharing.when(() => link.commands.status === 'ready', waitMs);
    if (this.isClosed) throw closedError();
    return link;
  }

  /** The connection stands: (3), (4). */
  private begin(): void {
    this.requests.noteReady();
    this.look();
    this.feed.look();
  }

  private subscribed(isSubscribed: boolean): void {
    this.isHeard = isSubscribed;
    if (isSubscribed) this.feed.look(); // (3): what was published before was not heard
  }

  private hear(text: string): void {
    const notice = readNotice(text);
    if (notice === undefined) this.malformedCount++;
    else this.feed.heard(notice);
  }

  private run(operation: 'sync' | 'save', script: LuaScript, input: ScriptInput): Promise<unknown> {
    const { link, settings } = this;
    if (link === undefined || this.isClosed) return Promise.reject(closedError());
    const run = { ...input, timeoutMs: settings.commandTimeoutMs };
    return this.requests.count(operation, () => runScript(link.commands, script, run, settings.clock));
  }

  /** Looks whether features are shared, and tells when that has changed. */
  private look(): void {
    this.sharing.note(this.feed.answered > 0, this.requests.problem ?? 'the store does not answer');
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('the store is closed');
}
