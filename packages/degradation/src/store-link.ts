/**
 * Store link: what joins one process's features with a store, beside the calls and never in their way.
 *
 *   connecting ── load succeeds ──► live ── anything fails or hangs ──► stale
 *      └─────── load fails or hangs ─────────────────────────────────────►│
 *                                   live ◄── everything succeeds ─────────┘ after retryMs, again and again; or when the
 *                                                                           store says that it is back
 *
 *  connecting -> live    done()    the first load succeeded
 *  connecting -> stale   failed()  it failed, or took longer than timeoutMs
 *  live       -> stale   failed()  a save failed or took too long
 *  live       -> stale   away()    the store says that it cannot be reached
 *  stale      -> live    done()    a later load or save succeeded, nothing else is owed, and the store is not away
 *  stale      -> live    whole()   the store is back, and all that it has is known
 *
 * Invariants
 *  (1) Nothing that a store does throws into the process or makes it wait.
 *  (2) A change that did not reach the store is offered again until it does, or until a later one takes its place.
 *  (3) At rest with a store that works there is no timer. None keeps a process alive but the one that `loaded` waits for.
 *  (4) After close() the store is neither listened to nor asked, and no timer is left.
 *  (5) `loaded` resolves within MAX_START_MS, whatever the store does.
 *
 * @module
 */

import type { Clock, Random, Timer } from '@holdfast/core';

import type { AuditedChange } from './audit-trail.ts';
import type { FeatureRecord } from './feature-record.ts';
import type { FeatureStore } from './feature-store.ts';

/** How far a process is with its store. */
export type StoreState = 'connecting' | 'live' | 'stale';

/** What was asked of the store when it failed. */
export type StoreOperation = 'listen' | 'load' | 'save' | 'load-last-known-good' | 'save-last-known-good';

/** The link to the store at one instant. */
export interface StoreStatus {
  readonly state: StoreState;
  /** Failures so far, time-outs included. */
  readonly failureCount: number;
  /** Features whose last change is in force here and not yet known to be in the store. */
  readonly pendingCount: number;
}

/** What a link needs. */
export interface StoreLinkParts {
  readonly store: FeatureStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly retryMs: number;
  /** Returns the current record of a feature. */
  readonly recordOf: (feature: string) => FeatureRecord;
  /** Returns what the current record of a feature did. Must not throw. */
  readonly changeOf: (feature: string) => AuditedChange;
  /** Takes a record of another instance. Returns whether a later one is known here. Throws on what is no record. */
  readonly adopt: (record: FeatureRecord) => boolean;
  /** Is told of everything that was loaded, to find what the store lacks. */
  readonly onLoaded: (records: readonly FeatureRecord[]) => void;
  /** Must not throw. */
  readonly onFailure: (operation: StoreOperation, error: unknown) => void;
  /** What is to be known before the store is asked; undefined where that is nothing. Never rejects. */
  readonly before: Promise<void> | undefined;
}

/** The longest that a start waits for its store. */
const MAX_START_MS = 500;

/** Joins features with a store. */
export class StoreLink {
  /** Resolves when the first load has succeeded, failed or taken too long. Never rejects. */
  readonly loaded: Promise<void>;
  readonly #parts: StoreLinkParts;
  /** Features whose last offer has not been answered, each with the revision that was offered. */
  readonly #pending = new Map<string, number>();
  readonly #waits = new Set<Timer>();
  #state: StoreState = 'connecting';
  #failureCount = 0;
  #isLoaded = false;
  /** Whether the store has said that it cannot be reached, and not yet that it is back. */
  #isAway = false;
  #isClosed = false;
  #retry: Timer | undefined = undefined;
  #stopListening: (() => void) | undefined = undefined;
  #markLoaded: () => void = () => {};

  constructor(parts: StoreLinkParts) {
    this.#parts = parts;
    this.loaded = new Promise((resolve) => {
      this.#markLoaded = resolve;
    });
    this.#startWithin(MAX_START_MS);
    if (parts.before === undefined) this.#connect();
    else void parts.before.then(() => this.#connect());
  }

  get status(): StoreStatus {
    return { state: this.#state, failureCount: this.#failureCount, pendingCount: this.#pending.size };
  }

  /** Offers the current record of `feature` to the store. */
  push(feature: string): void {
    if (this.#isClosed) return;
    const record = this.#parts.recordOf(feature);
    this.#pending.set(feature, record.revision);
    void this.#ask(
      'save',
      () => this.#parts.store.save(record, this.#parts.changeOf(feature)),
      (kept) => {
        if (this.#pending.get(feature) === record.revision) this.#pending.delete(feature); // (2)
        this.#adopt('save', kept);
      },
    );
  }

  /** As `push`, unless that is under way. */
  offer(feature: string): void {
    if (!this.#pending.has(feature)) this.push(feature);
  }

  close(): void {
    this.#isClosed = true;
    this.#markLoaded();
    for (const timer of this.#waits) timer.cancel();
    this.#waits.clear();
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#unlisten(); // (4)
  }

  #startWithin(ms: number): void {
    const wait = this.#parts.clock.setTimer(() => {
      this.#waits.delete(wait);
      this.#markLoaded(); // (5)
    }, ms); // keeps the process alive: who waits for `loaded` before anything else is there must not end for it
    this.#waits.add(wait);
    void this.loaded.then(() => this.#endWait(wait));
  }

  #connect(): void {
    if (this.#isClosed) return;
    try {
      this.#stopListening ??= this.#parts.store.listen((record) => this.#adopt('listen', record), {
        away: (error) => this.#away(error),
        whole: (records) => this.#whole(records),
      });
    } catch (error) {
      this.#failed('listen', error);
      return;
    }
    void this.#ask(
      'load',
      () => this.#parts.store.load(),
      (records) => this.#takeAll(records),
    );
  }

  #takeAll(records: readonly FeatureRecord[]): void {
    for (const record of records) this.#adopt('load', record);
    this.#isLoaded = true;
    this.#parts.onLoaded(records);
  }

  /** The store cannot be reached. It says itself when it is back: there is nothing to try until then. */
  #away(error: unknown): void {
    if (this.#isClosed) return;
    this.#isAway = true;
    this.#state = 'stale';
    this.#report('listen', error);
  }

  /** All that the store has: what is owed to it is offered at once. */
  #whole(records: readonly FeatureRecord[]): void {
    if (this.#isClosed) return;
    this.#isAway = false;
    const owed = [...this.#pending.keys()];
    try {
      this.#takeAll(records);
    } catch (error) {
      this.#report('listen', error); // what is no list of records
      return;
    }
    for (const feature of owed) if (this.#pending.has(feature)) this.push(feature); // (2)
    this.#done();
  }

  /** Asks the store for something and waits at most `timeoutMs` before it counts as failed; a late answer is welcome. */
  async #ask<T>(operation: StoreOperation, request: () => Promise<T>, take: (answer: T) => void): Promise<void> {
    const { clock, timeoutMs } = this.#parts;
    const wait = clock.setTimer(() => {
      this.#waits.delete(wait);
      this.#failed(operation, new RangeError(`the store did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
    wait.unref();
    this.#waits.add(wait);
    try {
      const answer = await request();
      this.#endWait(wait);
      if (this.#isClosed) return; // (4)
      take(answer);
      this.#done();
    } catch (error) {
      this.#endWait(wait);
      if (!this.#isClosed) this.#failed(operation, error); // (1)
    }
  }

  #endWait(wait: Timer): void {
    wait.cancel();
    this.#waits.delete(wait);
  }

  #adopt(operation: StoreOperation, record: FeatureRecord): void {
    if (this.#isClosed) return;
    try {
      const isOutdated = this.#parts.adopt(record);
      // Whoever passed this on missed a later change. An answer to a save is no reason to save again: it could go on for ever.
      if (isOutdated && operation === 'listen') this.offer(record.feature);
      if (!isOutdated && this.#pending.delete(record.feature)) this.#done(); // (2): the store has what is known here, or better
    } catch (error) {
      this.#report(operation, error); // the store works; what it delivered is of no use
    }
  }

  #done(): void {
    if (this.#isLoaded && this.#pending.size === 0 && !this.#isAway) this.#state = 'live';
    if (this.#isLoaded) this.#markLoaded();
  }

  #failed(operation: StoreOperation, error: unknown): void {
    this.#state = 'stale';
    this.#markLoaded();
    this.#report(operation, error);
    if (this.#retry !== undefined || this.#isClosed || (this.#isLoaded && this.#pending.size === 0)) return; // (3)
    const jitter = 0.8 + 0.4 * this.#parts.random();
    this.#retry = this.#parts.clock.setTimer(() => this.#tryAgain(), this.#parts.retryMs * jitter);
    this.#retry.unref();
  }

  #report(operation: StoreOperation, error: unknown): void {
    this.#failureCount++;
    this.#parts.onFailure(operation, error);
  }

  #tryAgain(): void {
    this.#retry = undefined;
    if (!this.#isLoaded) this.#connect();
    for (const feature of this.#pending.keys()) this.push(feature); // (2)
  }

  #unlisten(): void {
    try {
      this.#stopListening?.();
    } catch (error) {
      this.#report('listen', error);
    }
    this.#stopListening = undefined;
  }
}
