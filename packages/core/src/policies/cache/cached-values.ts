/**
 * Cached values: what a cache holds, how it answers a call from it, and how it gets it.
 *
 * The numbers in this file are those of cache.ts.
 *
 * @module
 */

import { isCancelled } from '../../kernel/cancellation.ts';
import { type Clock, readOnce } from '../../kernel/clock.ts';
import { type Context, isKnownToHaveEnded } from '../../kernel/context.ts';
import type { Enforcement } from '../../kernel/description.ts';
import { isRejection } from '../../kernel/errors.ts';
import { type Classify, type Verdict, judgeError, judgeValue } from '../../kernel/outcome.ts';
import { type Provenance, type SubstituteReason, noteIn, reasonOf } from '../../kernel/provenance.ts';
import { type Random, drawFrom, systemRandom } from '../../kernel/random.ts';
import { RecencyMap } from '../../mechanisms/recency-map.ts';
import { CacheEntry, type Lifetimes } from './cache-entry.ts';
import type { CacheSnapshot, CacheTally } from './cache-tally.ts';
import { type Lookup, RefreshRun, type RunFailure, type RunKeeper } from './refresh-run.ts';

/** The options that may change. */
export interface CacheLimits extends Lifetimes {
  readonly failureTtlMs: number;
  readonly maxEntries: number;
  readonly classify: Classify;
  readonly enforcement: Enforcement;
}

/** What a cache knows about one key. */
export interface CachedValue {
  /** By identity. */
  readonly value: unknown;
  readonly isFresh: boolean;
  /** Time since the value was stored. Milliseconds. */
  readonly ageMs: number;
}

/** What does not change. */
export interface CacheParts {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly tally: CacheTally;
}

/** The values of one cache. */
export class CachedValues implements RunKeeper {
  limits: CacheLimits;
  readonly runs: Map<string, RefreshRun> = new Map();
  readonly clock: Clock;
  readonly tally: CacheTally;
  /** Goes up when something is invalidated, so that what was asked before is not stored. */
  generation = 0;
  private readonly name: string;
  private readonly random: Random;
  private readonly entries: RecencyMap<CacheEntry>;

  constructor({ name, clock, random, tally }: CacheParts, limits: CacheLimits) {
    this.limits = limits;
    this.name = name;
    this.clock = clock;
    this.random = random;
    this.tally = tally;
    this.entries = new RecencyMap(limits.maxEntries, (key, why) => {
      if (why === 'full') tally.evict(key);
      this.runs.get(key)?.dropHold(); // (4): nobody could be served by it
    });
  }

  /** Answers a call: with what is kept, or with what a run fetches. */
  serve(lookup: Lookup): void {
    const { key, context, sink, now } = lookup;
    if (isKnownToHaveEnded(context)) {
      sink.refuse(context.cause, now);
      return;
    }
    const entry = this.entries.peek(key);
    if (entry === undefined || !this.serveKept(lookup, entry)) this.fetch(lookup);
  }

  takeValue(run: RefreshRun, value: unknown, now: number): number {
    const { key, note } = run;
    const verdict = judgeValue(this.limits.classify, value, run.context, this.name);
    const isStored = verdict === 'success' && this.runs.get(key) === run; // (7)
    const settledAt = isStored ? readOnce(this.clock, now) : now;
    if (isStored) this.keep(key, { value, provenance: note.provenance }, settledAt);
    if (verdict === 'failure') run.failure = { reason: 'result', error: undefined };
    if (run.isInBackground) this.tally.endRefresh(key, isStored, undefined);
    return settledAt;
  }

  takeError(run: RefreshRun, error: unknown, now: number): number {
    run.failure = this.failureOf(error, run.hasRun, run.context);
    const isKept = run.failure !== undefined && run.hasRun && this.runs.get(run.key) === run;
    const settledAt = isKept ? this.rememberFailure(run.key, run.failure as RunFailure, now) : now;
    if (run.isInBackground) this.tally.endRefresh(run.key, false, error);
    return settledAt;
  }

  answerStale(call: Pick<Lookup, 'key' | 'context' | 'sink' | 'now'>, failure: RunFailure): boolean {
    const { key, context, sink } = call;
    const entry = this.entries.peek(key);
    if (entry === undefined) return false;
    const now = readOnce(this.clock, call.now);
    if (!entry.mayAnswerFailure(this.limits, now)) return false;
    this.give({ key, context, sink, now }, entry, { source: 'stale', ...failure });
    return true;
  }

  /** Why `error` may be answered with a stale value; undefined where it must not. Only failures that ran are judged. */
  failureOf(error: unknown, hasRun: boolean, context: Context): RunFailure | undefined {
    if (isCancelled(error)) return undefined;
    const isFailure =
      !hasRun || isRejection(error) || judgeError(this.limits.classify, error, context, this.name) === 'failure';
    return isFailure ? { reason: reasonOf(error), error } : undefined;
  }

  judge(value: unknown, context: Context): Verdict {
    return judgeValue(this.limits.classify, value, context, this.name);
  }

  entryOf(key: string): CacheEntry | undefined {
    return this.entries.peek(key);
  }

  /** Stores a value, unless it would be of no use at once. */
  keep(key: string, made: { readonly value: unknown; readonly provenance: Provenance | undefined }, now: number): void {
    const { limits } = this;
    const entry = new CacheEntry();
    entry.value = made.value;
    entry.hasValue = true;
    entry.storedAt = now;
    entry.jitterShare = limits.expiryJitterRatio === 0 ? 0 : (drawFrom(this.random, this.name) ?? systemRandom());
    entry.provenance = made.provenance;
    if (entry.isDead(limits, now)) this.entries.delete(key);
    else this.entries.set(key, entry, (other) => other.isDead(limits, now));
  }

  /** Remembers a failure of the operation, if any are remembered. Returns the instant, where it had to be read. */
  rememberFailure(key: string, { error, reason }: RunFailure, settledAt: number): number {
    const { limits } = this;
    if (limits.failureTtlMs === 0 || reason === 'rejection') return settledAt; // (8)
    const now = readOnce(this.clock, settledAt);
    const kept = this.entries.peek(key);
    const entry = kept === undefined || kept.isDead(limits, now) ? new CacheEntry() : kept;
    entry.failure = { error, reason, endsAt: now + limits.failureTtlMs };
    if (entry !== kept) this.entries.set(key, entry, (other) => other.isDead(limits, now));
    return now;
  }

  peek(key: string): CachedValue | undefined {
    const now = this.clock.now();
    const entry = this.entries.peek(key);
    if (entry === undefined || !entry.hasValue || entry.isDead(this.limits, now)) return undefined;
    const { value, storedAt } = entry;
    return { value, isFresh: entry.isFresh(this.limits, now), ageMs: now - storedAt };
  }

  invalidate(key: string): boolean {
    this.generation++;
    const wasThere = this.entries.delete(key);
    const run = this.runs.get(key);
    this.runs.delete(key); // (7)
    run?.dropHold();
    return wasThere;
  }

  clear(): void {
    this.generation++;
    this.entries.clear();
    const runs = [...this.runs.values()];
    this.runs.clear(); // (7)
    for (const run of runs) run.dropHold();
  }

  apply(limits: CacheLimits): void {
    this.limits = limits;
    this.entries.resize(limits.maxEntries);
  }

  snapshot(): CacheSnapshot {
    const { enforcement, maxEntries } = this.limits;
    const { hits, staleHits, failureHits, misses, shared, refreshes, refreshFailures, evictions, observed } =
      this.tally;
    const held = { enforcement, size: this.entries.size, maxEntries, inFlight: this.runs.size };
    const served = { hits, staleHits, failureHits, misses, shared };
    return { ...held, ...served, refreshes, refreshFailures, evictions, observed };
  }

  private serveKept(lookup: Lookup, entry: CacheEntry): boolean {
    const { limits } = this;
    const { now } = lookup;
    if (entry.isFresh(limits, now)) {
      this.give(lookup, entry, FRESH);
      return true;
    }
    const failure = entry.failureAt(now);
    const isSpared = entry.maySpareTheWait(limits, now);
    if (!isSpared && failure === undefined) return false;
    if (isSpared || entry.mayAnswerFailure(limits, now)) {
      this.give(lookup, entry, failure === undefined ? REVALIDATING : { source: 'stale', ...failure });
      if (failure === undefined && !this.runs.has(lookup.key)) this.refresh(lookup);
    } else {
      this.tally.giveFailure('enforce');
      lookup.sink.refuse(failure?.error, now);
    }
    return true;
  }

  private give(call: Pick<Lookup, 'key' | 'context' | 'sink' | 'now'>, entry: CacheEntry, why: Why): void {
    const { key, now } = call;
    const ageMs = now - entry.storedAt;
    this.entries.touch(key);
    this.tally.serve({ key, enforcement: 'enforce', source: why.source, reason: why.reason, ageMs });
    const note = noteIn(call.context);
    if (note !== undefined) note.provenance = provenanceOf(entry, why, { policy: this.name, ageMs });
    call.sink.resolve(entry.value, now); // (2)
  }

  private refresh(lookup: Lookup): void {
    this.tally.refreshes++;
    new RefreshRun(this, lookup, true).begin(lookup);
  }

  private fetch(lookup: Lookup): void {
    const { key, inner, operation, context, sink, now } = lookup;
    this.tally.miss(key, 'enforce');
    const run = this.runs.get(key);
    if (run === undefined) new RefreshRun(this, lookup, false).begin(lookup);
    else if (run.includes(context)) inner(operation, context, sink, now); // it would wait for itself
    else if (run.join(lookup)) this.tally.shared++; // (3)
  }
}

// --- internal ---

/** Why a kept value is given. */
interface Why {
  readonly source: 'cached' | 'stale';
  readonly reason: SubstituteReason | undefined;
  readonly error: unknown;
}

const FRESH: Why = Object.freeze({ source: 'cached', reason: undefined, error: undefined });
const REVALIDATING: Why = Object.freeze({ source: 'stale', reason: 'revalidating', error: undefined });

/** A value that a layer inside had stood in for remains that, however fresh it is here. */
function provenanceOf(
  entry: CacheEntry,
  { source, reason, error }: Why,
  { policy, ageMs }: { readonly policy: string; readonly ageMs: number },
): Provenance {
  const { provenance } = entry;
  if (provenance === undefined) return { source, policy, step: undefined, reason, error, ageMs };
  return { ...provenance, ageMs: (provenance.ageMs ?? 0) + ageMs };
}
