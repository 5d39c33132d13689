/**
 * Cache tally: what a cache counts and tells, over all calls.
 *
 * @module
 */

import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import type { SubstituteReason } from '../../kernel/provenance.ts';

/** A call was given a kept value, or would have been. */
export interface CacheServedEvent {
  readonly type: 'cache.served';
  readonly policy: 'cache';
  readonly name: string;
  /** `observe` where it would have been. */
  readonly enforcement: 'enforce' | 'observe';
  readonly key: string;
  readonly source: 'cached' | 'stale';
  /** Why a stale value was given; undefined for a fresh one. */
  readonly reason: SubstituteReason | undefined;
  /** Time since the value was stored. Milliseconds. */
  readonly ageMs: number;
}

/** A call found nothing that it could be given at once, and runs the operation or shares a run. */
export interface CacheMissedEvent {
  readonly type: 'cache.missed';
  readonly policy: 'cache';
  readonly name: string;
  readonly enforcement: 'enforce' | 'observe';
  readonly key: string;
}

/** A refresh in the background ended with a value that was stored. */
export interface CacheRefreshedEvent {
  readonly type: 'cache.refreshed';
  readonly policy: 'cache';
  readonly name: string;
  readonly key: string;
}

/** A refresh in the background ended otherwise. Nobody else learns of it: the caller had the stale value. */
export interface CacheRefreshFailedEvent {
  readonly type: 'cache.refresh-failed';
  readonly policy: 'cache';
  readonly name: string;
  readonly key: string;
  /** What it ended with; undefined where it gave a value that is not stored. */
  readonly error: unknown;
}

/** An entry had to go for lack of room. */
export interface CacheEvictedEvent {
  readonly type: 'cache.evicted';
  readonly policy: 'cache';
  readonly name: string;
  readonly key: string;
}

/** A cache at one instant. All counts but `size` and `inFlight` are since it was created. */
export interface CacheSnapshot {
  readonly enforcement: Enforcement;
  /** Entries held, those included that are past their time and were not asked for since. */
  readonly size: number;
  readonly maxEntries: number;
  /** Runs under way for keys: those that calls wait for and those in the background. */
  readonly inFlight: number;
  /** Calls that were given a fresh value. */
  readonly hits: number;
  /** Calls that were given a stale value, while it was refreshed or because of a failure. */
  readonly staleHits: number;
  /** Calls that were given a remembered failure. */
  readonly failureHits: number;
  /** Calls that found nothing that they could be given at once. */
  readonly misses: number;
  /** Of the misses, those that shared a run that was under way. */
  readonly shared: number;
  /** Refreshes started in the background. */
  readonly refreshes: number;
  /** Of these, those that ended without a value to store; not those that the cache ended, when it was told to forget the key. */
  readonly refreshFailures: number;
  /** Entries that went for lack of room. */
  readonly evictions: number;
  /** Calls that would have been given a kept value or failure, under `observe`. */
  readonly observed: number;
}

/** A kept value that is given, or would be. */
export interface Serving {
  readonly key: string;
  readonly enforcement: 'enforce' | 'observe';
  readonly source: 'cached' | 'stale';
  readonly reason: SubstituteReason | undefined;
  readonly ageMs: number;
}

/** The counters of one cache, and its voice. */
export class CacheTally {
  hits = 0;
  staleHits = 0;
  failureHits = 0;
  misses = 0;
  shared = 0;
  refreshes = 0;
  refreshFailures = 0;
  evictions = 0;
  observed = 0;
  readonly name: string;
  readonly events: Events;

  constructor(name: string, events: Events) {
    this.name = name;
    this.events = events;
  }

  serve(serving: Serving): void {
    if (serving.enforcement === 'observe') this.observed++;
    else if (serving.source === 'cached') this.hits++;
    else this.staleHits++;
    if (!this.events.active) return;
    const { key, enforcement, source, reason, ageMs } = serving;
    const { name } = this;
    const event: CacheServedEvent = {
      type: 'cache.served',
      policy: 'cache',
      name,
      enforcement,
      key,
      source,
      reason,
      ageMs,
    };
    this.events.emit(event);
  }

  giveFailure(enforcement: 'enforce' | 'observe'): void {
    if (enforcement === 'observe') this.observed++;
    else this.failureHits++;
  }

  miss(key: string, enforcement: 'enforce' | 'observe'): void {
    if (enforcement === 'enforce') this.misses++;
    if (!this.events.active) return;
    const event: CacheMissedEvent = { type: 'cache.missed', policy: 'cache', name: this.name, enforcement, key };
    this.events.emit(event);
  }

  endRefresh(key: string, isStored: boolean, error: unknown): void {
    if (!isStored) this.refreshFailures++;
    if (!this.events.active) return;
    const { name } = this;
    const done: CacheRefreshedEvent = { type: 'cache.refreshed', policy: 'cache', name, key };
    const failed: CacheRefreshFailedEvent = { type: 'cache.refresh-failed', policy: 'cache', name, key, error };
    this.events.emit(isStored ? done : failed);
  }

  evict(key: string): void {
    this.evictions++;
    if (!this.events.active) return;
    const event: CacheEvictedEvent = { type: 'cache.evicted', policy: 'cache', name: this.name, key };
    this.events.emit(event);
  }
}
