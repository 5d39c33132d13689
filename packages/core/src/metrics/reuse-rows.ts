/**
 * Reuse rows: the metrics of caches and of coalesced calls.
 *
 * @module
 */

import { type PolicyMetric, counter, gauge } from './policy-metric.ts';
import { byLabel, single } from './sample.ts';

/** Caches and coalesced calls. */
export const reuseRows: readonly PolicyMetric[] = [
  counter('cache_requests_total', ['name', 'result'], {
    help: 'Calls of a cache by what they were given: a kept value, an old one, a remembered failure, the value of a run that was under way, or nothing yet.',
    unit: 'calls',
    read: {
      cache: ({ hits, staleHits, failureHits, misses, shared }) =>
        byLabel('result', {
          hit: hits,
          stale_hit: staleHits,
          failure_hit: failureHits,
          shared,
          miss: misses - shared,
        }),
    },
  }),
  counter('cache_refreshes_total', ['name', 'result'], {
    help: 'Refreshes in the background: those that were started, and those of them that brought no value.',
    unit: 'runs',
    read: {
      cache: ({ refreshes, refreshFailures }) => byLabel('result', { started: refreshes, failed: refreshFailures }),
    },
  }),
  counter('cache_evictions_total', ['name'], {
    help: 'Entries that went for lack of room.',
    unit: 'entries',
    read: { cache: ({ evictions }) => single(evictions) },
  }),
  gauge('cache_entries', ['name'], {
    help: 'Entries that a cache holds.',
    unit: 'entries',
    read: { cache: ({ size }) => single(size) },
  }),
  gauge('cache_max_entries', ['name'], {
    help: 'Entries that a cache may hold.',
    unit: 'entries',
    read: { cache: ({ maxEntries }) => single(maxEntries) },
  }),
  gauge('cache_runs_in_flight', ['name'], {
    help: 'Runs under way for the keys of a cache.',
    unit: 'runs',
    read: { cache: ({ inFlight }) => single(inFlight) },
  }),
  counter('coalesce_runs_total', ['name'], {
    help: 'Shared runs that a coalesce has started.',
    unit: 'runs',
    read: { coalesce: ({ runs }) => single(runs) },
  }),
  counter('coalesced_calls_total', ['name'], {
    help: 'Calls that joined the run of another.',
    unit: 'calls',
    read: { coalesce: ({ shared }) => single(shared) },
  }),
  counter('coalesce_overflows_total', ['name'], {
    help: 'Calls that ran by themselves because as many runs were under way as may be.',
    unit: 'calls',
    read: { coalesce: ({ overflowed }) => single(overflowed) },
  }),
  gauge('coalesce_runs_in_flight', ['name'], {
    help: 'Shared runs under way.',
    unit: 'runs',
    read: { coalesce: ({ inFlight }) => single(inFlight) },
  }),
];
