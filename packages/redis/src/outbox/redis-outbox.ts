/**
 * Redis outbox: work that was accepted and is to be done later, kept in a Redis stream for a whole fleet.
 *
 * Use it as the `outbox` of `createDeferral` in `@holdfast/degradation`: what was accepted with a 202 outlives the process that
 * accepted it, and any process of the fleet does it. Do not use it as a general queue: it holds what waits while a feature is
 * degraded, so many items and no more.
 *
 *   add ─► waiting ── take ─► taken ── settle ───► gone; its key is remembered for `rememberMs`
 *             ▲                 ├───── postpone ─► waiting again, behind the others
 *             │                 ├───── bury ─────► dead, until somebody revives or discards it
 *             └── lease is over ┘
 *
 * Invariants
 *  (1) At most `maxItems` are kept by all processes together, the dead included; one more is refused.
 *  (2) An item leaves only when it is settled, or discarded from the dead. No key of it has a time to live.
 *  (3) An item is given to one taker while its lease lasts, and to another after it: also where the process was killed.
 *  (4) A call settles within `3 * commandTimeoutMs`, or so: with what the server said, or a StoreUnavailableError.
 *  (5) A call that got no answer is made once more, and may be made again later: each does the same when it is done twice.
 *  (6) What is kept and cannot be read is put with the dead, and does not hold up the others.
 *
 * @module
 */

import { type Clock, type Random, inRange, integerInRange, systemClock, systemRandom, withKnown } from '@holdfast/core';

import { linkReady } from '../link-ready.ts';
import { type LuaScript, StoreUnavailableError, luaScript } from '../lua-script.ts';
import * as lua from '../lua-sources.ts';
import type { RedisClient } from '../redis-client.ts';
import { keyBase, requireId, requireKeyPlace } from '../redis-key.ts';
import { requireClient } from '../require-client.ts';
import { type LinkHealth, type ScriptLink, openLink } from '../script-link.ts';
import {
  type OutboxRisk,
  type RedisDeadItem,
  type RedisOutboxCounts,
  type RedisOutboxEntry,
  readAdded,
  readCounts,
  readDead,
  readFirstAge,
  readFlag,
  readItem,
  readRisks,
  readTaken,
  writeItem,
} from './outbox-reply.ts';
import { OutboxTakers } from './outbox-takers.ts';

export { OutboxItemError } from './outbox-error.ts';
export type { OutboxRisk, RedisDeadItem, RedisOutboxCounts, RedisOutboxEntry } from './outbox-reply.ts';

/** Options of {@link redisOutbox}. Omitted ones take {@link redisOutboxDefaults}. */
export interface RedisOutboxOptions {
  /** Who shares: one application in one environment, as `shop-prod`. 1 to 64 letters, digits, `_ . : -`. */
  readonly namespace: string;
  /** Which outbox: what kind of work waits in it, as `payments`. 1 to 128 characters. */
  readonly name: string;
  /** Items that are kept at once, by all processes together, the dead included. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxItems?: number;
  /** Size that an item may have as JSON; a larger one is refused. Bytes, 1 to 1 000 000. @defaultValue 65_536 */
  readonly maxItemBytes?: number;
  /**
   * Time for which the key of an item that was settled is known, so that the same is not done again. At most `maxItems` keys
   * are. Milliseconds, 10 000 to 604 800 000.
   * @defaultValue 600_000
   */
  readonly rememberMs?: number;
  /** Time after which an unanswered request counts as lost. Milliseconds, 10 to 10 000. @defaultValue 500 */
  readonly commandTimeoutMs?: number;
  /** What all keys begin with. @defaultValue 'rb' */
  readonly prefix?: string;
  /** Source of time and waits. */
  readonly clock?: Clock;
  /** Source of jitter. */
  readonly random?: Random;
}

/** Every default of {@link redisOutbox}, in one place. */
export const redisOutboxDefaults: Required<Omit<RedisOutboxOptions, 'namespace' | 'name'>> = Object.freeze({
  maxItems: 10_000,
  maxItemBytes: 65_536,
  rememberMs: 600_000,
  commandTimeoutMs: 500,
  prefix: 'rb',
  clock: systemClock,
  random: systemRandom,
});

/** An outbox on a server. It is an `Outbox` of `@holdfast/degradation`, where each method is described. */
export interface RedisOutbox<T> {
  add(key: string, item: T): Promise<'kept' | 'known' | 'full'>;
  take(terms: {
    readonly leaseMs: number;
    readonly gapMs: number;
  }): Promise<{ readonly entry: RedisOutboxEntry<T> | undefined; readonly waitMs: number }>;
  settle(entry: RedisOutboxEntry<T>): Promise<void>;
  postpone(entry: RedisOutboxEntry<T>, pauseMs: number): Promise<void>;
  bury(entry: RedisOutboxEntry<T>, why: string): Promise<void>;
  count(): Promise<RedisOutboxCounts>;
  /**
   * Time since the first in line came, or was revived: the oldest, but where items were postponed. Milliseconds, by the
   * server's clock; undefined where nothing waits or is taken.
   */
  firstAgeMs(): Promise<number | undefined>;
  dead(maxCount: number): Promise<readonly RedisDeadItem<T>[]>;
  revive(key: string): Promise<boolean>;
  discard(key: string): Promise<boolean>;
  /** What in the server's settings may cost the work that is kept. Empty is good: ask at the start of the service. */
  risks(): Promise<readonly OutboxRisk[]>;
  /** How the server looks from here. */
  health(): LinkHealth;
  /** Gives back the connection. What is kept stays; what this process has taken is given to another when its lease is over. */
  close(): Promise<void>;
}

/**
 * Opens an outbox, which all processes with the same `namespace` and `name` share. It connects by itself, as `redis` does;
 * `redis` is only duplicated.
 *
 * @throws ConfigError at creation, when `redis` is no client of ioredis or an option is out of range; from add, when the key is.
 * @throws StoreUnavailableError from all methods but health and close, when the server does not answer; it may have been done.
 * @throws OutboxItemError from add, when the item has no JSON, or too much of it.
 *
 * @example
 * ```ts
 * const outbox = redisOutbox<Order>(redis, { namespace: 'shop-prod', name: 'payments' });
 * ```
 */
export function redisOutbox<T>(redis: RedisClient, options: RedisOutboxOptions): RedisOutbox<T> {
  requireClient(PLACE, redis);
  const settings = outboxSettings(options);
  return outboxOver<T>(openLink(redis, settings), settings);
}

/** Options, checked and completed. */
export type OutboxSettings = Required<RedisOutboxOptions>;

/**
 * Checks and completes options.
 *
 * @throws ConfigError when one is out of range.
 */
export function outboxSettings(options: RedisOutboxOptions): OutboxSettings {
  const resolved = withKnown(PLACE, redisOutboxDefaults, options, ['namespace', 'name']);
  requireKeyPlace(PLACE, resolved);
  requireId(`${PLACE}.name`, resolved.name);
  integerInRange(`${PLACE}.maxItems`, resolved.maxItems, [1, 1_000_000]);
  integerInRange(`${PLACE}.maxItemBytes`, resolved.maxItemBytes, [1, 1_000_000]);
  inRange(`${PLACE}.rememberMs`, resolved.rememberMs, [10_000, 604_800_000]);
  inRange(`${PLACE}.commandTimeoutMs`, resolved.commandTimeoutMs, [10, 10_000]);
  return { ...resolved, rememberMs: Math.round(resolved.rememberMs) };
}

/** Makes it over a link. */
export function outboxOver<T>(link: ScriptLink, settings: OutboxSettings): RedisOutbox<T> {
  return new StreamOutbox<T>(link, settings);
}

// --- internal ---

const PLACE = 'redisOutbox';
const MAX_WHY = 500;
const MAX_MS = 86_400_000;

const scripts = Object.freeze({
  add: luaScript('outbox-add', lua.outboxAddLua),
  take: luaScript('outbox-take', lua.outboxTakeLua),
  settle: luaScript('outbox-settle', lua.outboxSettleLua),
  postpone: luaScript('outbox-postpone', lua.outboxPostponeLua),
  bury: luaScript('outbox-bury', lua.outboxBuryLua),
  raise: luaScript('outbox-raise', lua.outboxRaiseLua),
  look: luaScript('outbox-look', lua.outboxLookLua),
});

class StreamOutbox<T> implements RedisOutbox<T> {
  private readonly link: ScriptLink;
  private readonly settings: OutboxSettings;
  private readonly keys: readonly string[];
  private readonly takers: OutboxTakers = new OutboxTakers();
  private isClosed = false;

  constructor(link: ScriptLink, settings: OutboxSettings) {
    this.link = link;
    this.settings = settings;
    const base = keyBase(settings, 'outbox', settings.name);
    this.keys = ['s', 'd', 'k', 'r', 'm'].map((part) => `${base}:${part}`);
  }

  async add(key: string, item: T): Promise<'kept' | 'known' | 'full'> {
    requireId('outbox.add key', key);
    const { maxItems, maxItemBytes } = this.settings;
    return this.ask(scripts.add, [key, writeItem(key, item, maxItemBytes), maxItems], readAdded); // (1)
  }

  async take({ leaseMs, gapMs }: { readonly leaseMs: number; readonly gapMs: number }) {
    inRange('outbox.take leaseMs', leaseMs, [1, MAX_MS]);
    inRange('outbox.take gapMs', gapMs, [0, MAX_MS]);
    const taker = this.takers.use();
    const release = (): void => this.takers.release(taker, undefined);
    const asked = this.ask(scripts.take, [taker, Math.ceil(leaseMs), gapMs], readTaken); // (3)
    asked.catch(release); // what it was given nevertheless it gets when it asks again
    const taken = await asked;
    if (typeof taken === 'number') {
      release();
      return { entry: undefined, waitMs: taken };
    }
    const { id, key, attempt, text, generation, unendedCount, ageMs } = taken;
    const receipt = `${generation} ${id} ${taker}`;
    const entry = { key, item: readItem(text) as T, attempt, unendedCount, ageMs, receipt };
    this.takers.hold(taker, entry.receipt);
    if (entry.item !== undefined) return { entry, waitMs: 0 };
    await this.bury(entry, 'what is kept is no JSON'); // (6)
    return { entry: undefined, waitMs: 0 };
  }

  async settle({ key, receipt }: RedisOutboxEntry<T>): Promise<void> {
    const { generation, taker } = partsOf(receipt);
    const { rememberMs, maxItems } = this.settings;
    await this.ask(scripts.settle, [key, generation, rememberMs, maxItems], readFlag); // (2)
    this.takers.release(taker, receipt);
  }

  async postpone({ receipt }: RedisOutboxEntry<T>, pauseMs: number): Promise<void> {
    inRange('outbox.postpone pauseMs', pauseMs, [0, MAX_MS]);
    const { id, taker } = partsOf(receipt);
    await this.ask(scripts.postpone, [id, taker, pauseMs], readFlag);
    this.takers.release(taker, receipt);
  }

  async bury({ receipt }: RedisOutboxEntry<T>, why: string): Promise<void> {
    const { id, taker } = partsOf(receipt);
    await this.ask(scripts.bury, [id, taker, why.slice(0, MAX_WHY)], readFlag);
    this.takers.release(taker, receipt);
  }

  async count(): Promise<RedisOutboxCounts> {
    return this.ask(scripts.look, [0, 0], readCounts);
  }

  async firstAgeMs(): Promise<number | undefined> {
    return this.ask(scripts.look, [0, 0], readFirstAge);
  }

  async dead(maxCount: number): Promise<readonly RedisDeadItem<T>[]> {
    integerInRange('outbox.dead maxCount', maxCount, [1, 1000]);
    return this.ask(scripts.look, [maxCount, 0], (reply) => readDead<T>(reply));
  }

  async revive(key: string): Promise<boolean> {
    return this.ask(scripts.raise, [key, 'revive'], readFlag);
  }

  async discard(key: string): Promise<boolean> {
    return this.ask(scripts.raise, [key, 'discard'], readFlag);
  }

  async risks(): Promise<readonly OutboxRisk[]> {
    return this.ask(scripts.look, [0, 1], readRisks);
  }

  health(): LinkHealth {
    return this.link.health();
  }

  // oxlint-disable-next-line require-await -- others of this package have something to wait for
  async close(): Promise<void> {
    this.isClosed = true;
    this.link.close();
  }

  // --- internal ---

  private async ask<R>(script: LuaScript, args: readonly (string | number)[], read: (reply: unknown) => R): Promise<R> {
    if (this.isClosed) throw new StoreUnavailableError('the outbox is closed'); // at once: no connection comes back
    const { link, keys, settings } = this;
    const run = (): Promise<unknown> => link.run(script, { keys, args });
    await linkReady(link, settings.clock, settings.commandTimeoutMs); // (4)
    const reply = await run().catch(run); // (5)
    try {
      return read(reply);
    } catch (error) {
      throw new StoreUnavailableError('what the server says cannot be read', { cause: error });
    }
  }
}

function partsOf(receipt: string): { readonly generation: string; readonly id: string; readonly taker: string } {
  const [generation = '', id = '', taker = ''] = receipt.split(' ');
  return { generation, id, taker };
}
