/**
 * Observed call: a call that runs as if there were no cache, while the cache notes what it would have given.
 *
 * What such calls come to is kept as if it had been fetched, so that the counts are those of a cache in force, and a cache
 * that is put in force is warm. Calls are not held together: each runs by itself.
 *
 * @module
 */

import { readOnce } from '../../kernel/clock.ts';
import type { Sink } from '../../kernel/handler.ts';
import { type SubstituteReason, noteIn } from '../../kernel/provenance.ts';
import type { CacheEntry } from './cache-entry.ts';
import type { CachedValues } from './cached-values.ts';
import type { Lookup, RunFailure } from './refresh-run.ts';

/** Runs a call, and notes what the cache would have done. */
export function observeCall(values: CachedValues, lookup: Lookup): void {
  const { inner, operation, context, now } = lookup;
  const entry = values.entryOf(lookup.key);
  const wasServed = entry !== undefined && noteServing(values, lookup, entry);
  if (!wasServed) values.tally.miss(lookup.key, 'observe');
  inner(operation, context, new ObservedCall(values, lookup, wasServed), now);
}

// --- internal ---

/** The sink of one observed call. */
class ObservedCall implements Sink {
  readonly values: CachedValues;
  readonly lookup: Lookup;
  /** Whether it would have been given something at once. */
  readonly wasServed: boolean;
  readonly generation: number;

  constructor(values: CachedValues, lookup: Lookup, wasServed: boolean) {
    this.values = values;
    this.lookup = lookup;
    this.wasServed = wasServed;
    this.generation = values.generation;
  }

  resolve(value: unknown, now: number): void {
    const { values, lookup } = this;
    const verdict = values.judge(value, lookup.context);
    if (verdict === 'success') this.keep(value, now);
    if (verdict === 'failure') this.noteFailure({ reason: 'result', error: undefined }, now);
    lookup.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.noteError(error, true, now);
    this.lookup.sink.reject(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.noteError(error, false, now);
    this.lookup.sink.refuse(error, now);
  }

  private keep(value: unknown, settledAt: number): void {
    const { values, lookup } = this;
    const now = readOnce(values.clock, settledAt);
    const isFresh = values.entryOf(lookup.key)?.isFresh(values.limits, now) === true;
    if (isFresh || this.generation !== values.generation) return; // it would not have run, or is not wanted any more
    values.keep(lookup.key, { value, provenance: noteIn(lookup.context)?.provenance }, now);
  }

  private noteError(error: unknown, hasRun: boolean, now: number): void {
    const { values, lookup } = this;
    if (lookup.context.cancelled) return;
    const failure = values.failureOf(error, hasRun, lookup.context);
    if (failure === undefined) return;
    this.noteFailure(failure, now);
    if (hasRun && this.generation === values.generation) values.rememberFailure(lookup.key, failure, now);
  }

  private noteFailure({ reason }: RunFailure, settledAt: number): void {
    const { values, lookup } = this;
    const entry = this.wasServed ? undefined : values.entryOf(lookup.key);
    if (entry === undefined) return;
    const now = readOnce(values.clock, settledAt);
    if (entry.mayAnswerFailure(values.limits, now)) noteStale(values, { key: lookup.key, entry, now }, reason);
  }
}

/** Notes what a call would have been given at once, if anything. Returns whether it would. */
function noteServing(values: CachedValues, { key, now }: Lookup, entry: CacheEntry): boolean {
  const { limits, tally } = values;
  const failure = entry.failureAt(now);
  if (entry.isFresh(limits, now)) {
    const ageMs = now - entry.storedAt;
    tally.serve({ key, enforcement: 'observe', source: 'cached', reason: undefined, ageMs });
    return true;
  }
  if (entry.maySpareTheWait(limits, now)) noteStale(values, { key, entry, now }, failure?.reason ?? 'revalidating');
  else if (failure === undefined) return false;
  else if (entry.mayAnswerFailure(limits, now)) noteStale(values, { key, entry, now }, failure.reason);
  else tally.giveFailure('observe');
  return true;
}

function noteStale(
  { tally }: CachedValues,
  { key, entry, now }: { readonly key: string; readonly entry: CacheEntry; readonly now: number },
  reason: SubstituteReason,
): void {
  tally.serve({ key, enforcement: 'observe', source: 'stale', reason, ageMs: now - entry.storedAt });
}
