/**
 * Whole service: a small service that has every metric there is, with something going on in each: policies that are refused,
 * retried, hedged, shared and disturbed; features, contexts, deferred and background work; a store that comes and goes.
 *
 * @module
 */

import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import { createContextMonitor, defineContextSchema } from '@holdfast/context';
import {
  Context,
  bulkhead,
  cache,
  chaos,
  circuitBreaker,
  coalesce,
  contextKey,
  createRegistry,
  fallback,
  hedge,
  keyed,
  rateLimiter,
  retry,
  timeout,
  type Policy,
  type Registry,
} from '@holdfast/core';
import { memoryFleet } from '@holdfast/core/fleet';
import { createBrownout, createDegradation, defineFeatures, memoryOutbox } from '@holdfast/degradation';
import { createGrpcServing } from '@holdfast/grpc';
import { createRequestContexts } from '@holdfast/http';
import { prometheus } from '@holdfast/prometheus';
import { createTracker, supervise } from '@holdfast/service';
import { Registry as Register } from 'prom-client';

const tenant = contextKey<string>('tenant');

/** A running service. */
export interface WholeService {
  /** Where Prometheus reads it, in the OpenMetrics format. */
  readonly url: string;
  /** The same, in the classic format. */
  classic(): Promise<string>;
  close(): Promise<void>;
}

/** Starts it. */
export async function startWholeService(): Promise<WholeService> {
  const registry = createRegistry({ store: memoryFleet().store({ node: 'n1' }) });
  const chains = chainsOf(registry);
  const parts = serviceParts();
  const register = new Register();
  (register as { setContentType(type: string): void }).setContentType(Register.OPENMETRICS_CONTENT_TYPE);
  const plain = new Register();
  const exported = { registry, ...parts.exported, maxKeys: 3, traceIdOf: () => 'trace-1' };
  const exporters = [register, plain].map((each) => prometheus({ register: each, ...exported }));
  let turn = 0;
  const timer = setInterval(() => {
    turn++;
    parts.act(turn);
    for (const chain of chains) void chain.execute(operationOf(turn), contextOf(turn)).catch(() => {});
  }, 50);
  const server = createServer((_request, response) => {
    void register.metrics().then((text) => response.setHeader('content-type', register.contentType).end(text));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`,
    classic: () => plain.metrics(),
    async close() {
      clearInterval(timer);
      for (const exporter of exporters) exporter.close();
      server.closeAllConnections();
      server.close();
      await parts.close();
    },
  };
}

// --- internal ---

/** Some calls are quick, some slow, some fail, and for a while all do. */
function operationOf(turn: number): (context: Context) => Promise<string> {
  const fails = turn % 5 === 0 || turn % 100 > 80;
  const ms = turn % 7 === 0 ? 80 : 5;
  return () =>
    new Promise((resolve, reject) => {
      setTimeout(() => (fails ? reject(new Error('down')) : resolve('value')), ms);
    });
}

function contextOf(turn: number): Context {
  return Context.background.withValue(tenant, `tenant-${turn % 8}`);
}

const keyOf = (context: Context): string => context.value(tenant) ?? '';

const make = (_key: string, name: string) => bulkhead({ name });

function chainsOf(registry: Registry): readonly Policy<unknown>[] {
  const add = registry.create.bind(registry);
  const whole = [
    add(fallback<string>, { name: 'whole', value: 'instead' }),
    add(rateLimiter, { name: 'whole', maxPerInterval: 15, intervalMs: 1000, maxQueued: 5 }),
    add(retry, { name: 'whole', maxAttempts: 2, baseDelayMs: 10 }),
    add(circuitBreaker, {
      name: 'whole',
      minimumCalls: 3,
      openForMs: 1000,
      window: { kind: 'time', durationMs: 2000 },
    }),
    add(bulkhead, { name: 'whole', maxConcurrent: 2, maxQueued: 2 }),
    add(timeout, { name: 'whole', timeoutMs: 50 }),
    add(chaos<never>, { name: 'whole', injections: [{ kind: 'fault', callRatio: 0.1 }] }),
  ];
  const reuse = [
    add(cache, { name: 'reuse', keyOf, ttlMs: 200, maxEntries: 5, staleIfErrorMs: 1000 }),
    add(coalesce, { name: 'reuse', keyOf }),
    add(hedge, { name: 'reuse', delayMs: 20 }),
  ];
  const tenants = registry.add(keyed({ ...registry.ports, name: 'tenants', keyOf, maxKeys: 5, make }));
  return [
    registry.pipeline('whole', ...whole),
    registry.pipeline('reuse', ...reuse),
    registry.pipeline('tenants', tenants),
  ];
}

/** What is exported beside policies, and what keeps it busy. */
function serviceParts() {
  const features = defineFeatures({ tips: { modes: ['full', 'off'], onLevel: { 1: 'off' } } });
  const degradation = createDegradation({ features });
  const brownout = createBrownout({ name: 'whole' });
  const contexts = createContextMonitor({
    name: 'requests',
    schema: defineContextSchema({ version: '1.0', fields: {} }),
  });
  const orders = memoryOutbox<number>({ maxItems: 100_000 });
  const jobs = createTracker({ name: 'jobs', onFailure: () => {} });
  const importer = startedImporter();
  const tips = degradation.handle('tips');
  degradation.set('tips', 'off', { actor: 'operator', reason: 'a test', expiresInMs: 60_000 });
  const { servers, count } = doubles();
  return {
    exported: {
      degradation,
      contexts,
      brownout,
      outboxes: { orders },
      trackers: { jobs },
      supervisors: { importer },
      ...servers,
    },
    act(turn: number): void {
      count();
      contexts.track(Context.background.withTimeout(100));
      brownout.observe({ shedRatio: 0.9, queueAgeMs: 50 }, turn * 50);
      tips.match({ full: () => {}, off: () => {} });
      void orders.add(`order-${turn}`, turn);
      jobs.go('job', () => new Promise((resolve) => setTimeout(resolve, 10)));
    },
    async close(): Promise<void> {
      degradation.close();
      await importer.drain(Context.background.withTimeout(100));
      await jobs[Symbol.asyncDispose]();
    },
  };
}

function startedImporter() {
  const importer = supervise('importer', () => new Promise(() => {}));
  importer.start();
  return importer;
}

/** What stands in for a server that is away half of the time, for a database and for a consumer; and servers at rest. */
function doubles() {
  let requests = 0;
  const statusNow = (): string => (requests % 40 < 20 ? 'ready' : 'reconnecting');
  const links = { health: () => ({ status: statusNow(), answered: requests, failed: 1, latencyMs: 2, silentMs: 10 }) };
  const messages = { snapshot: () => ({ running: 1, handled: requests, failed: 0, expired: 0, abandoned: 0 }) };
  const stopped = () => ({ gaveUpWaiting: requests, stopped: requests, cancelRequests: requests, dropped: 0 });
  const main = { counts: () => ({ checkedOut: 2, waiting: 1, ...stopped() }) };
  return {
    count: (): void => void requests++,
    servers: {
      stores: { links },
      sqlPools: { main },
      consumers: { messages },
      httpServers: { whole: createRequestContexts() },
      grpcServers: { whole: createGrpcServing() },
    },
  };
}
