/**
 * Probes: what the platform asks a service: how it is, and its metrics. On a port of its own, which users do not reach.
 *
 * @module
 */

import { createServer } from 'node:http';

import type { Registry } from '@holdfast/core';
import { type PrometheusOptions, prometheus } from '@holdfast/prometheus';
import { type Component, type HealthOptions, type Lifecycle, createHealth, serverComponent } from '@holdfast/service';
import { Registry as Register } from 'prom-client';

import { portOf } from './listening.ts';

/** What is told. */
export interface ProbesOptions {
  readonly life: Lifecycle;
  readonly registry: Registry;
  readonly checks?: NonNullable<HealthOptions['checks']>;
  /** What counts besides policies: servers, pools, background work, consumers. */
  readonly counting?: Omit<PrometheusOptions, 'register' | 'registry'>;
}

/** Origins of a client whose circuits have metrics: there is one. */
const MAX_KEYS = 5;

/** The probes of a service. */
export interface Probes {
  /** To be added first: it is the last to go. */
  readonly components: readonly Component[];
  readonly port: () => number;
}

/** Makes `/livez`, `/readyz`, `/startupz`, `/healthz` and `/metrics`. */
export function createProbes({ life, registry, checks = {}, counting = {} }: ProbesOptions): Probes {
  const health = createHealth({ lifecycle: life, circuits: registry, checks });
  const register = new Register();
  const exporter = prometheus({ register, registry, maxKeys: MAX_KEYS, ...counting });
  const server = createServer((request, response) => {
    if (health.handle(request, response)) return;
    if (request.url !== '/metrics') return void response.writeHead(404).end();
    register.metrics().then(
      (text) => response.writeHead(200, { 'content-type': register.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  return {
    components: [
      serverComponent(server, { name: 'probes', port: 0, host: '127.0.0.1' }),
      { name: 'metrics', close: () => exporter.close() },
      { name: 'health', start: () => health.begin(), close: () => health.close() },
    ],
    port: () => portOf(server),
  };
}
