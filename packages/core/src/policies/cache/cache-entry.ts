/**
 * Cache entry: what is kept for one key, and what it is good for at an instant.
 *
 *   stored ── fresh ──► stale, served while it is refreshed ──► stale, served when a refresh fails ──► dead
 *
 * The two stale times count from the same instant, the end of freshness, and may overlap.
 *
 * @module
 */

import type { Provenance, SubstituteReason } from '../../kernel/provenance.ts';

/** How long entries are good for. */
export interface Lifetimes {
  readonly ttlMs: number;
  readonly expiryJitterRatio: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
}

/** A failure that is remembered. */
export interface RememberedFailure {
  readonly error: unknown;
  readonly reason: SubstituteReason;
  /** The instant from which the operation is run again. */
  readonly endsAt: number;
}

/** What is kept for one key: a value, a failure, or both. Plain fields: it is read on every hit. */
export class CacheEntry {
  value: unknown = undefined;
  hasValue = false;
  /** The instant at which the value was made. */
  storedAt = 0;
  /** Which share of the jitter applies to this value. 0 to 1. */
  jitterShare = 0;
  /** Where the value came from, where it was not the operation itself. */
  provenance: Provenance | undefined = undefined;
  failure: RememberedFailure | undefined = undefined;

  /** Time since the value ceased to be fresh; negative while it is. Milliseconds. */
  staleForMs(lifetimes: Lifetimes, now: number): number {
    const freshForMs = lifetimes.ttlMs * (1 - lifetimes.expiryJitterRatio * this.jitterShare);
    return now - this.storedAt - freshForMs;
  }

  isFresh(lifetimes: Lifetimes, now: number): boolean {
    return this.hasValue && this.staleForMs(lifetimes, now) < 0;
  }

  /** Whether the value may be served at once while a newer one is fetched. */
  maySpareTheWait(lifetimes: Lifetimes, now: number): boolean {
    return this.hasValue && this.staleForMs(lifetimes, now) < lifetimes.staleWhileRevalidateMs;
  }

  /** Whether the value may be served in place of a failure. */
  mayAnswerFailure(lifetimes: Lifetimes, now: number): boolean {
    return this.hasValue && this.staleForMs(lifetimes, now) < lifetimes.staleIfErrorMs;
  }

  /** The failure that is remembered at `now`. */
  failureAt(now: number): RememberedFailure | undefined {
    return this.failure !== undefined && now < this.failure.endsAt ? this.failure : undefined;
  }

  /** Whether it is of no use any more. */
  isDead(lifetimes: Lifetimes, now: number): boolean {
    const longestMs = Math.max(lifetimes.staleWhileRevalidateMs, lifetimes.staleIfErrorMs);
    const isUseful = this.hasValue && this.staleForMs(lifetimes, now) < longestMs;
    return !isUseful && this.failureAt(now) === undefined;
  }
}
