/**
 * Redis once: runs a job once for a key, whoever asks, wherever; and again if its process died on the way.
 *
 * Use it for what must not happen twice and must not be forgotten: compensations, refunds, mails. The key is the business's:
 * order and step, never a time or a random number.
 *
 *   free ── claim ─► pending (lease, fencing token) ── finish ─► done (result) ── resultTtlMs ─► free
 *    ▲                  ├────── the job fails ───────► free again, or failed, where failures are remembered
 *    └── lease runs out ┘
 *
 * Invariants
 *  (1) A job starts only under a lease that nobody else has, with a fencing token higher than any before for its key; unless
 *      `whenUnavailable` is `run` and the store does not answer.
 *  (2) Once a result is recorded all callers get it until `resultTtlMs` has passed, and no job of the key starts.
 *  (3) Of the tries of a key at most one is recorded: the last to have been given a token.
 *  (4) A lease whose process died is given to another caller, once it has run out.
 *
 * @module
 */

import { randomUUID } from 'node:crypto';

import {
  type Clock,
  ConfigError,
  Context,
  type Events,
  type Random,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  systemClock,
  systemRandom,
  withKnown,
  steadyRandom,
  tellEvent,
} from '@holdfast/core';

import { StoreUnavailableError } from '../lua-script.ts';
import type { RedisClient } from '../redis-client.ts';
import { requireId, requireKeyPlace } from '../redis-key.ts';
import { requireClient } from '../require-client.ts';
import { type LinkHealth, type ScriptLink, openLink } from '../script-link.ts';
import { OnceRoom } from './once-room.ts';
import { OnceStore } from './once-store.ts';
import type { OnceGrant } from './once-try.ts';

export {
  OnceFailedError,
  type OnceFailure,
  OnceLeaseLostError,
  OnceResultNotKeptError,
  OnceUnrecordedError,
} from './once-error.ts';
export type { OnceGrant } from './once-try.ts';

/** Options of {@link redisOnce}. Omitted ones take {@link redisOnceDefaults}. */
export interface RedisOnceOptions {
  /** Who shares: one application in one environment, as `shop-prod`. 1 to 64 letters, digits, `_ . : -`. */
  readonly namespace: string;
  /** Names this instance in events. @defaultValue 'once' */
  readonly name?: string;
  /**
   * Time after which a lease that is not prolonged runs out: how long a crash holds a job up. A running job prolongs it every
   * third of that. Milliseconds, 200 to 3 600 000.
   * @defaultValue 10_000
   */
  readonly leaseMs?: number;
  /** Time for which a result is kept, and the job not run again. Milliseconds, 1000 to 2 592 000 000. @defaultValue 86_400_000 */
  readonly resultTtlMs?: number;
  /** Size that a result may have as JSON; a larger one is not kept. Bytes, 0 to 10 000 000. @defaultValue 65_536 */
  readonly maxResultBytes?: number;
  /**
   * What becomes of the key when its job fails: `retry` leaves it to the next caller, `remember` tells all later callers.
   * @defaultValue 'retry'
   */
  readonly onFailure?: 'retry' | 'remember';
  /**
   * What becomes of a caller while the store does not answer: `refuse` rejects with a {@link StoreUnavailableError}; `run` runs
   * its job, at least once instead of at most.
   * @defaultValue 'refuse'
   */
  readonly whenUnavailable?: 'refuse' | 'run';
  /** Time after which an unanswered request counts as lost. Milliseconds, 10 to 10 000. @defaultValue 500 */
  readonly commandTimeoutMs?: number;
  /** What all keys begin with. @defaultValue 'rb' */
  readonly prefix?: string;
  /** Source of time and waits. */
  readonly clock?: Clock;
  /** Source of jitter. */
  readonly random?: Random;
  /** Where events go; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link redisOnce}, in one place. */
export const redisOnceDefaults: Required<Omit<RedisOnceOptions, 'namespace' | 'events'>> = Object.freeze({
  name: 'once',
  leaseMs: 10_000,
  resultTtlMs: 86_400_000,
  maxResultBytes: 65_536,
  onFailure: 'retry',
  whenUnavailable: 'refuse',
  commandTimeoutMs: 500,
  prefix: 'rb',
  clock: systemClock,
  random: systemRandom,
});

/** A try has begun that is not the first of its key: one before it crashed, lost its lease or failed. */
export interface OnceRetriedEvent {
  readonly type: 'once.retried';
  readonly policy: 'once';
  readonly name: string;
  readonly key: string;
  /** Number of the try. */
  readonly attempt: number;
  readonly fencingToken: number;
}

/** A job has lost its lease while it ran, and was cancelled. */
export interface OnceLeaseLostEvent {
  readonly type: 'once.lease-lost';
  readonly policy: 'once';
  readonly name: string;
  readonly key: string;
  readonly fencingToken: number;
}

/** Runs jobs once. */
export interface RedisOnce {
  /**
   * Runs `job`, unless it was done for `key` before, here or elsewhere, or is just being done: then it promises what that comes
   * to. The caller whose job ran gets its value by identity, all others a copy made of JSON. `key` is 1 to 128 characters.
   *
   * The job's context ends with `context`, and when its lease is lost; who heeds it stops in time. What it changes elsewhere
   * is safe if that refuses a `fencingToken` lower than one that it has seen.
   */
  run<T>(key: string, job: (context: Context, grant: OnceGrant) => T | PromiseLike<T>, context?: Context): Promise<T>;
  /** How the store looks from here. */
  health(): LinkHealth;
  /** Callers who wait get a {@link StoreUnavailableError}; jobs that run are waited for. Then gives back the connection. */
  close(): Promise<void>;
}

/**
 * Creates what runs jobs once, for all processes with the same `namespace`. It connects by itself, as `redis` does; `redis` is
 * only duplicated.
 *
 * @throws ConfigError at creation, when `redis` is no client of ioredis or an option is out of range; from run, when the key is.
 * @throws StoreUnavailableError from run, when the store does not answer; the job was not run.
 * @throws OnceLeaseLostError from run, when the job's lease was lost; another may run it.
 * @throws OnceUnrecordedError from run, when the job was done and that could not be recorded.
 * @throws OnceResultNotKeptError from run, when the job was done before and its result was not kept.
 * @throws OnceFailedError from run, when the job failed before and `onFailure` is `remember`.
 * @throws the job's error from run, unchanged, when it failed here.
 * @throws `context.cause` from run, when the context ended first.
 *
 * @example
 * ```ts
 * const once = redisOnce(redis, { namespace: 'shop-prod' });
 * await once.run(`refund/${order.id}`, (context, { fencingToken }) => refund(order, fencingToken, context));
 * ```
 */
export function redisOnce(redis: RedisClient, options: RedisOnceOptions): RedisOnce {
  requireClient(PLACE, redis);
  const settings = onceSettings(options);
  return onceOver(openLink(redis, settings), settings);
}

/** Options, checked and completed. */
export type OnceSettings = Required<Omit<RedisOnceOptions, 'events'>> & Pick<RedisOnceOptions, 'events'>;

/**
 * Checks and completes options.
 *
 * @throws ConfigError when one is out of range.
 */
export function onceSettings(options: RedisOnceOptions): OnceSettings {
  const resolved = withKnown(PLACE, redisOnceDefaults, options, ['namespace', 'events']);
  isName(`${PLACE}.name`, resolved.name);
  requireKeyPlace(PLACE, resolved);
  inRange(`${PLACE}.leaseMs`, resolved.leaseMs, [200, 3_600_000]);
  inRange(`${PLACE}.resultTtlMs`, resolved.resultTtlMs, [1000, 2_592_000_000]);
  integerInRange(`${PLACE}.maxResultBytes`, resolved.maxResultBytes, [0, 10_000_000]);
  oneOf(`${PLACE}.onFailure`, resolved.onFailure, ['retry', 'remember']);
  oneOf(`${PLACE}.whenUnavailable`, resolved.whenUnavailable, ['refuse', 'run']);
  inRange(`${PLACE}.commandTimeoutMs`, resolved.commandTimeoutMs, [10, 10_000]);
  return { ...resolved, leaseMs: Math.round(resolved.leaseMs), resultTtlMs: Math.round(resolved.resultTtlMs) };
}

/** Makes it over a link. */
export function onceOver(link: ScriptLink, settings: OnceSettings): RedisOnce {
  return new Once(link, settings);
}

// --- internal ---

const PLACE = 'redisOnce';

class Once implements RedisOnce {
  private readonly link: ScriptLink;
  private readonly settings: OnceSettings;
  private readonly store: OnceStore;
  private readonly rooms = new Map<string, OnceRoom>();
  private readonly node: string = randomUUID();
  private holders = 0;
  private isClosed = false;

  constructor(link: ScriptLink, settings: OnceSettings) {
    this.link = link;
    this.settings = settings;
    this.store = new OnceStore({ ...settings, link });
  }

  async run<T>(
    key: string,
    job: (context: Context, grant: OnceGrant) => T | PromiseLike<T>,
    context = Context.background,
  ) {
    requireId('once.run key', key);
    isFunction('once.run job', job);
    if (typeof context?.onCancel !== 'function') throw new ConfigError('once.run context', 'a Context', context);
    context.throwIfCancelled();
    if (this.isClosed) throw closedError();
    return (await this.roomOf(key).enter(job, context)) as T;
  }

  health(): LinkHealth {
    return this.link.health();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.rooms.values()].map((room) => room.dismiss(closedError())));
    this.link.close();
  }

  // --- internal ---

  private roomOf(key: string): OnceRoom {
    const known = this.rooms.get(key);
    if (known !== undefined) return known;
    const { settings, store } = this;
    const room: OnceRoom = new OnceRoom({
      ...settings,
      store,
      key,
      random: steadyRandom(settings.random, settings.name),
      remembersFailures: settings.onFailure === 'remember',
      runsUnavailable: settings.whenUnavailable === 'run',
      nextHolder: () => `${this.node}-${++this.holders}`,
      onTry: (token, attempt) => this.tellRetried(key, attempt, Number(token)),
      onLost: (token) => this.tellLost(key, Number(token)),
      onEmpty: () => {
        if (this.rooms.get(key) === room) this.rooms.delete(key);
      },
    });
    this.rooms.set(key, room);
    return room;
  }

  private tellRetried(key: string, attempt: number, fencingToken: number): void {
    if (attempt === 1) return;
    const { name } = this.settings;
    this.tell(() => ({ type: 'once.retried', policy: 'once', name, key, attempt, fencingToken }));
  }

  private tellLost(key: string, fencingToken: number): void {
    const { name } = this.settings;
    this.tell(() => ({ type: 'once.lease-lost', policy: 'once', name, key, fencingToken }));
  }

  /** Tells an event. A job must not be lost because somebody else's Events throws. */
  private tell(event: () => OnceRetriedEvent | OnceLeaseLostEvent): void {
    tellEvent(this.settings.events, this.settings.name, event);
  }
}

function closedError(): StoreUnavailableError {
  return new StoreUnavailableError('it was closed');
}
