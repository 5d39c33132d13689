/**
 * Incoming rows: the metrics of HTTP requests, gRPC calls and messages that come in.
 *
 * @module
 */

import { byLabel, single } from '@holdfast/core/metrics';

import type { HttpRequestOutcome } from './incoming-source.ts';
import { type MetricRow, counter, gauge } from './metric-row.ts';

/** HTTP requests, gRPC calls and messages. */
export const incomingRows: readonly MetricRow[] = [
  gauge('http_requests_open', ['name'], {
    help: 'Requests under way at an HTTP server.',
    unit: 'requests',
    read: { http: ({ running }) => single(running) },
  }),
  counter('http_requests_total', ['name', 'outcome'], {
    help: 'Requests of an HTTP server that are over, by what became of them.',
    unit: 'requests',
    read: {
      http: ({ ended }) => httpOutcomeLabels.map(({ outcome, labels }) => ({ labels, value: ended[outcome] })),
    },
  }),
  gauge('grpc_calls_open', ['name'], {
    help: 'Calls under way at a gRPC server.',
    unit: 'calls',
    read: { grpc: ({ open }) => single(open) },
  }),
  counter('grpc_calls_total', ['name', 'outcome'], {
    help: 'Calls of a gRPC server that are over: answered with a status, cancelled without one, or refused while draining or for want of time.',
    unit: 'calls',
    read: {
      grpc: ({ answered, cancelled, refused: { draining, expired } }) =>
        byLabel('outcome', { answered, cancelled, draining, expired }),
    },
  }),
  gauge('consumer_running_messages', ['name'], {
    help: 'Messages or jobs that a consumer is handling.',
    unit: 'messages',
    read: { consumer: ({ running }) => single(running) },
  }),
  counter('consumer_messages_total', ['name', 'outcome'], {
    help: 'Tries to handle a message or a job, by how they ended; those that expired were not begun.',
    unit: 'tries',
    read: {
      consumer: ({ completed = 0, handled = completed, failed, putBack = 0, refused = putBack, expired }) =>
        byLabel('outcome', { handled, failed, refused, expired }),
    },
  }),
  counter('consumer_abandoned_handlers_total', ['name'], {
    help: 'Handlers of messages or jobs that had not ended when they were waited for no more.',
    unit: 'runs',
    read: { consumer: ({ abandoned }) => single(abandoned) },
  }),
];

// --- internal ---

const httpOutcomes: Readonly<Record<HttpRequestOutcome, string>> = {
  answered: 'answered',
  refused: 'refused',
  deadline: 'deadline',
  'client-gone': 'client_gone',
  'server-closing': 'server_closing',
  failed: 'failed',
};

const httpOutcomeLabels = Object.entries(httpOutcomes).map(([outcome, label]) => ({
  outcome: outcome as HttpRequestOutcome,
  labels: { outcome: label },
}));
