/**
 * Metrics: `/metrics` for Prometheus, with what Holdfast knows of policies and features, and what shoppers got.
 *
 * @module
 */

import { createServer } from 'node:http';

import { Counter, Registry as Register } from 'prom-client';

import type { Registry } from '@holdfast/core';
import { type PrometheusOptions, prometheus } from '@holdfast/prometheus';

import { closeServer, listen } from './listening.ts';
import { type Errand, type Result, type Twin, type VisitBook, twins } from './visits.ts';

/** What {@link serveMetrics} exports, and where. */
export interface MetricsOptions extends Pick<PrometheusOptions, 'degradation' | 'brownout' | 'outboxes'> {
  readonly registry: Registry;
  readonly visits: VisitBook;
  readonly port: number;
}

/** A running endpoint. */
export interface MetricsEndpoint {
  /** `http://127.0.0.1:40123/metrics` */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `/metrics` on loopback. Port 0 takes a free one. */
export async function serveMetrics({ visits, port, ...exported }: MetricsOptions): Promise<MetricsEndpoint> {
  const register = new Register();
  const exporter = prometheus({ register, ...exported });
  countVisits(register, visits);
  const server = createServer((request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    register.metrics().then(
      (text) => response.writeHead(200, { 'content-type': register.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const url = await listen(server, port);
  return {
    url: `${url}/metrics`,
    async close() {
      exporter.close();
      await closeServer(server);
    },
  };
}

// --- internal ---

const errands: readonly Errand[] = ['page', 'checkout'];

/** Adds `storefront_visits_total`, read from the book when somebody scrapes. */
function countVisits(register: Register, visits: VisitBook): void {
  const counter = new Counter({
    name: 'storefront_visits_total',
    help: 'Visits of shoppers by twin, errand and what came of them.',
    labelNames: ['twin', 'errand', 'result'],
    registers: [register],
    collect() {
      counter.reset();
      for (const twin of twins) {
        for (const errand of errands) addResults(counter, visits, { twin, errand });
      }
    },
  });
}

function addResults(
  counter: Counter,
  visits: VisitBook,
  labels: { readonly twin: Twin; readonly errand: Errand },
): void {
  const { byResult } = visits.summary(labels.twin, 'run', labels.errand);
  for (const [result, count] of Object.entries(byResult) as [Result, number][])
    counter.inc({ ...labels, result }, count);
}
