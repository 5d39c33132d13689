/**
 * Shop: a service with circuits, pipelines and features behind an admin API that listens, and clients of it. All of it ends
 * with the test, or with the file that started it.
 *
 * @module
 */

import { type Socket, connect } from 'node:net';

import { type Admin, type AdminOptions, createAdmin } from '@holdfast/console';
import {
  type CircuitBreaker,
  type CircuitStore,
  type Registry,
  circuitBreaker,
  createRegistry,
  retry,
} from '@holdfast/core';
import { type Degradation, createDegradation, defineFeatures } from '@holdfast/degradation';

/** The tokens of the shop. */
export const tokens = {
  viewer: 'a-token-that-only-looks',
  operator: 'correct-horse-battery-staple',
  'break-glass': 'a-token-for-the-worst-of-days',
} as const;

/** The shop. */
export interface Shop {
  readonly url: string;
  readonly port: number;
  /** What answers, for other servers. */
  readonly handler: Admin['handler'];
  readonly registry: Registry;
  readonly prices: CircuitBreaker;
  readonly degradation: Degradation<{ recommendations: 'full' | 'cached' | 'off'; checkout: 'full' | 'deferred' }>;
  /** Everything that a change would change, as one text. */
  state(): string;
  close(): Promise<void>;
}

/** Opens the shop; it shares its circuits in `store`, if there is one. */
export async function openShop(options: Partial<AdminOptions> = {}, store?: CircuitStore): Promise<Shop> {
  const registry = createRegistry(store === undefined ? {} : { store });
  const prices = registry.create(circuitBreaker, { name: 'prices' });
  registry.pipeline('prices', registry.create(retry, { name: 'prices' }), prices);
  const features = defineFeatures({
    recommendations: { modes: ['full', 'cached', 'off'], owner: 'growth' },
    checkout: { modes: ['full', 'deferred'], essential: true },
  });
  const degradation = createDegradation({ features, events: registry.events });
  const admin = createAdmin({ registry, degradation, tokens, maxRequestsPerSecond: 100_000, ...options });
  const { url, port } = await admin.listen();
  const state = () =>
    JSON.stringify([
      degradation.list().map(({ name, mode, revision, overrides }) => [name, mode, revision, overrides.length]),
      degradation.audit(),
      [...registry].map((policy) => (policy as Partial<CircuitBreaker>).describe?.()),
      prices.snapshot().holds.map(({ owner, state: held }) => [owner, held]),
      prices.snapshot().fleet?.ruling.epoch,
      store?.health().operations.filter(({ operation }) => operation === 'hold'),
    ]);
  const close = async (): Promise<void> => {
    await admin.close();
    degradation.close();
  };
  return { url, port, handler: admin.handler, registry, prices, degradation, state, close };
}

/** An answer that came back over a connection of its own. */
export interface RawAnswer {
  /** 0 where there was none. */
  readonly status: number;
  readonly text: string;
  readonly tookMs: number;
}

/** Opens a connection, has `write` use it, and reads until it ends, or for `limitMs`: then the status is -1. */
export function exchange(port: number, write: (socket: Socket) => void, limitMs = 10_000): Promise<RawAnswer> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let text = '';
    const settle = (status: number): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ status, text, tookMs: performance.now() - startedAt });
    };
    const socket = connect(port, '127.0.0.1', () => write(socket));
    const timer = setTimeout(() => settle(-1), limitMs);
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => {}).on('close', () => settle(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)));
  });
}
