/**
 * Feature feed: keeps up with what the server has: by notices, and by looking, which is what counts.
 *
 *   unknown ── look: all ─► known(stamp) ── look: the same ─► known(stamp)
 *      ▲                        │  ▲
 *      │                        │  └── notice that follows on the stamp: the record, and its stamp
 *      │                        ├── notice that does not: the record, and a look at once; something was missed
 *      │                        └── look: another stamp ─► all of it; what was there before and is not any more was lost
 *      └── a look came to nothing: away
 *
 * Invariants
 *  (1) A look that succeeds tells all that was missed, whatever was missed, and told `away` is followed by `whole`.
 *  (2) Between two looks is `pollMs` at most, while it is started; the first that comes to nothing is made up for sooner.
 *  (3) One look is under way at a time; who asks meanwhile is served by one more.
 *  (4) What the server had once and has not now is told, once.
 *  (5) After stop() there is no timer, and nothing is told.
 *  (6) Nothing is told before the server's time is known: what is left of a record could not be.
 *
 * @module
 */

import type { Clock, Random, Timer } from '@holdfast/core';

import type { FeatureNotice, KeptFeature, SyncReply } from './feature-scripts.ts';
import { type PackedOrder, isBehind, openFeature, orderOf } from './packed-feature.ts';
import { ServerTime } from './server-time.ts';
import type { RecordSeal, SharedFeature } from './shared-feature.ts';

/** What a feed is made with. Nothing of it throws. */
export interface FeatureFeedParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly pollMs: number;
  readonly seal: RecordSeal;
  /** Asks the server what there is besides what stands behind a stamp. May reject. */
  readonly ask: (known: string) => Promise<SyncReply>;
  readonly onRecord: (record: SharedFeature) => void;
  readonly onWhole: (records: readonly SharedFeature[]) => void;
  readonly onAway: (error: unknown) => void;
  /** Features whose records the server had, and has lost. */
  readonly onLost: (fields: readonly string[]) => void;
  /** A record cannot be read. Told again only when it is another one. */
  readonly onRefused: (field: string, refusal: string) => void;
  /** Told after each look. */
  readonly onLooked: () => void;
}

/** Keeps up with the records of one namespace. */
export class FeatureFeed {
  /** Looks that were answered since the last one that was not: 0 while the server is away. */
  answered = 0;
  /** Notices that did not follow on what was known: some were missed, or came late. */
  gapCount = 0;
  private readonly parts: FeatureFeedParts;
  private readonly time = new ServerTime();
  private stamp = UNKNOWN;
  private seen = new Map<string, PackedOrder>();
  private readonly told = new Map<string, string>();
  private looking: Promise<readonly SharedFeature[] | undefined> | undefined;
  private isWantedAgain = false;
  private isAway = false;
  private isStarted = false;
  private failuresInRow = 0;
  private timer: Timer | undefined;

  constructor(parts: FeatureFeedParts) {
    this.parts = parts;
  }

  /** Features that the server has, as far as is known. */
  get size(): number {
    return this.seen.size;
  }

  /** Records that the server has and that cannot be read, as far as is known. */
  get refusedCount(): number {
    return this.told.size;
  }

  /** Looks from now on, again and again. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.arm();
  }

  stop(): void {
    this.isStarted = false;
    this.timer?.cancel(); // (5)
    this.timer = undefined;
  }

  /** Looks at once. */
  look(): void {
    void this.next().catch(() => {}); // whoever must know of it was told
  }

  /** Returns all records, as they are now or later. Rejects with what the look was rejected with. */
  async all(): Promise<readonly SharedFeature[]> {
    await this.looking?.catch(() => {}); // what it is answered may be older than what was saved since
    this.forget();
    const records = await this.next();
    if (records !== undefined) return records;
    this.forget(); // the look that has begun meanwhile asked for news only
    return (await this.next()) ?? [];
  }

  /** What is looked at next is all: something may have been changed, and nobody knows. */
  forget(): void {
    this.stamp = UNKNOWN;
  }

  /** Takes a notice. */
  heard({ before, after, field, packed }: FeatureNotice): void {
    if (this.serverTime(this.parts.clock.now()) === undefined) {
      this.look(); // (6): the first look tells the time, and this as well
      return;
    }
    this.follow(before, after);
    const record = this.open({ field, packed });
    if (record !== undefined) this.parts.onRecord(record);
  }

  /** The server went from one stamp to another: what was told of it is known. */
  follow(before: string, after: string): void {
    if (after === this.stamp || this.stamp === UNKNOWN) return;
    if (before === this.stamp) {
      this.stamp = after;
      return;
    }
    this.gapCount++;
    if (this.isStarted) this.look();
  }

  /** Opens a record as it is now; undefined, and told, where it cannot be read. */
  open({ field, packed }: KeptFeature): SharedFeature | undefined {
    const order = orderOf(packed);
    const seen = this.seen.get(field);
    if (order !== undefined && (seen === undefined || isBehind(seen, order))) this.seen.set(field, order);
    const { clock, seal } = this.parts;
    const { record, refusal } = openFeature(field, packed, this.serverTime(clock.now()) ?? 0, seal);
    if (record !== undefined) {
      this.told.delete(field);
    } else if (this.told.get(field) !== packed) {
      if (this.told.size < MAX_TOLD || this.told.has(field)) this.told.set(field, packed);
      this.parts.onRefused(field, refusal);
    }
    return record;
  }

  /** What the server's clock says at `now`; undefined before its first answer. */
  serverTime(now: number): number | undefined {
    return this.time.at(now);
  }

  /** Takes note of the server's time in an answer to something that was sent at `sentAt`. */
  noteTime(sentAt: number, serverMs: number): void {
    this.time.note(sentAt, this.parts.clock.now(), serverMs);
  }

  // --- internal ---

  /** The look that is under way and, where it was asked for while that was, the one after: (3). */
  private next(): Promise<readonly SharedFeature[] | undefined> {
    if (this.looking !== undefined) {
      this.isWantedAgain = true;
      return this.looking;
    }
    this.looking = this.lookOnce().finally(() => {
      this.looking = undefined;
      if (this.isWantedAgain && this.isStarted) this.look();
      this.isWantedAgain = false;
    });
    return this.looking;
  }

  private async lookOnce(): Promise<readonly SharedFeature[] | undefined> {
    const known = this.stamp;
    const seen = new Map(this.seen);
    const sentAt = this.parts.clock.now();
    try {
      const reply = await this.parts.ask(known);
      this.noteTime(sentAt, reply.serverMs);
      this.answered++;
      this.failuresInRow = 0;
      return reply.all === undefined ? undefined : this.takeAll(reply.stamp, reply.all, seen);
    } catch (error) {
      this.goAway(error);
      throw error;
    } finally {
      this.arm();
      this.parts.onLooked();
    }
  }

  /** Takes all that there is; `before` is what had been seen when it was asked for. */
  private takeAll(
    stamp: string,
    all: readonly KeptFeature[],
    before: ReadonlyMap<string, PackedOrder>,
  ): readonly SharedFeature[] {
    this.stamp = stamp;
    this.isAway = false;
    const heardMeanwhile = [...this.seen].filter(([field, order]) => before.get(field) !== order);
    this.seen = new Map();
    const records = all.flatMap((kept) => this.open(kept) ?? []);
    for (const field of this.told.keys()) if (!this.seen.has(field)) this.told.delete(field);
    const lost = [...before].flatMap(([field, order]) => (isBehind(this.seen.get(field), order) ? [field] : []));
    for (const [field, order] of heardMeanwhile) if (isBehind(this.seen.get(field), order)) this.seen.set(field, order);
    if (lost.length > 0) this.parts.onLost(lost); // (4)
    this.parts.onWhole(records); // (1)
    return records;
  }

  private goAway(error: unknown): void {
    this.answered = 0;
    this.failuresInRow++;
    this.stamp = UNKNOWN; // (1): what is answered next is all
    if (this.isAway) return;
    this.isAway = true;
    this.parts.onAway(error);
  }

  private arm(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (!this.isStarted) return; // (5)
    const { clock, pollMs, random } = this.parts;
    const spanMs = this.failuresInRow === 1 ? pollMs / 4 : pollMs; // one lost answer is no reason to be late; many are no reason to hurry
    this.timer = clock.setTimer(() => this.look(), spanMs * (1 - JITTER * random())); // (2)
    this.timer.unref();
  }
}

// --- internal ---

/** No stamp of a server: what is asked for with it is all. */
const UNKNOWN = '';

/** Share of the time between two looks by which it varies, so that a fleet does not look in step. */
const JITTER = 0.2;

/** Features of which it is remembered what was told. */
const MAX_TOLD = 1000;
