/**
 * Stage: a service with circuits, a pipeline, features, metrics and an admin endpoint that listens, on real time; and what
 * the tests make it do.
 *
 * @module
 */

import { type AdminOptions, createAdmin } from '@holdfast/console';
import {
  type CircuitBreaker,
  type CircuitStore,
  type Registry,
  circuitBreaker,
  createRegistry,
  retry,
  timeout,
} from '@holdfast/core';
import { type Degradation, createDegradation, defineFeatures } from '@holdfast/degradation';
import { prometheus } from '@holdfast/prometheus';
import { Registry as Register } from 'prom-client';

/** The tokens of the stage. */
export const tokens = { viewer: 'a-token-that-only-looks', operator: 'correct-horse-battery-staple' } as const;

/** A name that would do harm if it were taken for markup. */
export const hostile = '<img src=x onerror="document.title=1">';

/** The service. */
export interface Stage {
  readonly url: string;
  readonly port: number;
  readonly registry: Registry;
  readonly prices: CircuitBreaker;
  readonly degradation: Degradation<{ recommendations: 'full' | 'cached' | 'off'; checkout: 'full' | 'deferred' }>;
  /** What `/metrics` answers. */
  metrics(): Promise<string>;
  /** Lets `count` calls through the pipeline of prices succeed or fail. */
  call(isFailing: boolean, count: number): Promise<void>;
  close(): Promise<void>;
}

/** Opens the stage; `port` 0 is a free one. It shares its circuits in `store`, if there is one. */
export async function openStage(options: Partial<AdminOptions> = {}, store?: CircuitStore): Promise<Stage> {
  const registry = createRegistry(store === undefined ? {} : { store });
  const rule = { failureRatio: 0.5, minimumCalls: 5, openForMs: 1500, maxProbes: 2 };
  const prices = registry.create(circuitBreaker, { name: 'prices', ...rule });
  const limit = registry.create(timeout, { name: 'prices', timeoutMs: 500 });
  const tries = registry.create(retry, { name: 'prices', maxAttempts: 2, baseDelayMs: 1 });
  const pipeline = registry.pipeline('prices', tries, prices, limit);
  registry.create(circuitBreaker, { name: hostile });
  const features = defineFeatures({
    recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth' },
    checkout: { modes: ['full', 'deferred'], essential: true },
  });
  const degradation = createDegradation({ features, events: registry.events });
  const register = new Register();
  const exporter = prometheus({ register, registry, degradation });
  const admin = createAdmin({ service: 'stage', registry, degradation, tokens, sampleMs: 250, ...options });
  const { url, port } = await admin.listen();
  return {
    url,
    port,
    registry,
    prices,
    degradation,
    metrics: () => register.metrics(),
    async call(isFailing, count) {
      const operation = isFailing ? () => Promise.reject(new Error('down')) : () => Promise.resolve('up');
      for (let call = 0; call < count; call++) await pipeline.execute(operation).catch(() => {});
    },
    async close() {
      await admin.close();
      exporter.close();
      degradation.close();
    },
  };
}
