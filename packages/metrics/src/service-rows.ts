/**
 * Service rows: the metrics of stores, outboxes, background work, what is supervised and pools of SQL connections.
 *
 * @module
 */

import { byLabel, optional, optionalSeconds, single } from '@holdfast/core/metrics';

import { type MetricRow, counter, gauge } from './metric-row.ts';
import { storeModes, storeOperations } from './store-samples.ts';

/** Stores. */
export const storeRows: readonly MetricRow[] = [
  gauge('store_mode', ['name', 'mode'], {
    help: 'Whether state is shared with other processes: 1 for the mode that the store is in, 0 for the other.',
    unit: '0 or 1',
    fold: 'one-hot',
    read: { store: storeModes },
  }),
  counter('store_operations_total', ['name', 'operation', 'result'], {
    help: 'Requests to a store, by what was asked and how it ended.',
    unit: 'requests',
    read: { store: storeOperations },
  }),
  counter('store_latency_seconds_total', ['name'], {
    help: 'Time that answered requests to the store of circuits took, all together: divide its rate by that of the requests with the result ok.',
    unit: 'seconds',
    read: { store: ({ latencySumMs }) => optionalSeconds(latencySumMs) },
  }),
  gauge('store_last_latency_seconds', ['name'], {
    help: 'Time that the last answer of a store other than that of circuits took.',
    unit: 'seconds',
    fold: 'max',
    read: { store: ({ lastLatencyMs }) => optionalSeconds(lastLatencyMs) },
  }),
  gauge('store_silent_seconds', ['name'], {
    help: 'Time since a store last answered; absent where it never has.',
    unit: 'seconds',
    fold: 'max',
    read: { store: ({ silentMs }) => optionalSeconds(silentMs) },
  }),
  gauge('store_nodes', ['name'], {
    help: 'Processes that share circuits, as the store knows.',
    unit: 'processes',
    fold: 'max',
    read: { store: ({ nodes }) => optional(nodes) },
  }),
];

/** Outboxes and background work. */
export const workRows: readonly MetricRow[] = [
  gauge('outbox_items', ['name', 'state'], {
    help: 'Items of deferred work: waiting, taken to be delivered, or dead and waiting for a person.',
    unit: 'items',
    fold: 'max',
    read: { outbox: ({ waiting, taken, dead }) => byLabel('state', { waiting, taken, dead }) },
  }),
  gauge('outbox_first_age_seconds', ['name'], {
    help: 'Time since the first in line of an outbox came, the oldest but where items were postponed; absent where there is none.',
    unit: 'seconds',
    fold: 'max',
    read: { outbox: ({ firstAgeMs }) => optionalSeconds(firstAgeMs) },
  }),
  gauge('tracker_running_jobs', ['name'], {
    help: 'Background jobs under way.',
    unit: 'jobs',
    read: { tracker: ({ running }) => single(running) },
  }),
  gauge('tracker_overdue_jobs', ['name'], {
    help: 'Background jobs that go on although their time is over.',
    unit: 'jobs',
    read: { tracker: ({ overdue }) => single(overdue) },
  }),
  gauge('tracker_oldest_age_seconds', ['name'], {
    help: 'Time since the oldest background job under way was begun; 0 where there is none.',
    unit: 'seconds',
    fold: 'max',
    read: { tracker: ({ oldestAgeMs }) => optionalSeconds(oldestAgeMs) },
  }),
  counter('tracker_jobs_total', ['name', 'result'], {
    help: 'Background jobs by what became of them.',
    unit: 'jobs',
    read: {
      tracker: ({ succeeded, failed, refused, abandoned }) =>
        byLabel('result', { succeeded, failed, refused, abandoned }),
    },
  }),
  gauge('supervisor_running', ['name'], {
    help: 'Whether what is supervised runs.',
    unit: '0 or 1',
    read: { supervisor: ({ state }) => single(Number(state === 'running')) },
  }),
  gauge('supervisor_safe_mode', ['name'], {
    help: 'Whether what is supervised runs in safe mode, after too many crashes.',
    unit: '0 or 1',
    fold: 'max',
    read: { supervisor: ({ isSafeMode }) => single(Number(isSafeMode)) },
  }),
  counter('supervisor_runs_total', ['name'], {
    help: 'Runs of what is supervised; those beyond the first are restarts.',
    unit: 'runs',
    read: { supervisor: ({ runs }) => single(runs) },
  }),
  counter('supervisor_crashes_total', ['name'], {
    help: 'Crashes of what is supervised.',
    unit: 'crashes',
    read: { supervisor: ({ crashes }) => single(crashes) },
  }),
];

/** Pools of SQL connections. */
export const sqlRows: readonly MetricRow[] = [
  gauge('sql_connections_in_use', ['name'], {
    help: 'Connections that are checked out of a pool.',
    unit: 'connections',
    read: { sql: ({ checkedOut }) => single(checkedOut) },
  }),
  gauge('sql_waiting_calls', ['name'], {
    help: 'Callers that wait for a connection of a pool.',
    unit: 'calls',
    read: { sql: ({ waiting }) => single(waiting) },
  }),
  counter('sql_give_ups_total', ['name'], {
    help: 'Callers whose context ended while they waited for a connection.',
    unit: 'calls',
    read: { sql: ({ gaveUpWaiting }) => single(gaveUpWaiting) },
  }),
  counter('sql_stopped_statements_total', ['name'], {
    help: 'Statements whose context ended while they ran.',
    unit: 'statements',
    read: { sql: ({ stopped }) => single(stopped) },
  }),
  counter('sql_cancel_requests_total', ['name'], {
    help: 'Requests to stop a statement that were sent to the server.',
    unit: 'requests',
    read: { sql: ({ cancelRequests }) => single(cancelRequests) },
  }),
  counter('sql_dropped_connections_total', ['name'], {
    help: 'Connections that were destroyed: lost, or not at rest in time.',
    unit: 'connections',
    read: { sql: ({ dropped }) => single(dropped) },
  }),
];
