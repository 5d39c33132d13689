/**
 * Storefront: everything put together. Two shops on the same three services, shoppers who visit both, the story, `/metrics`
 * and the admin endpoint.
 *
 *   shoppers ─┬─► protected shop ── guards ──┬─► catalogue, recommender, payments ◄── faults ── story
 *             └─► unprotected twin ──────────┘
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { createAdmin } from '@holdfast/console';
import { type Registry, createRegistry } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import { type Degradation, createDegradation } from '@holdfast/degradation';

import type { Arguments } from './arguments.ts';
import { type CallMeter, callMeter } from './call-meter.ts';
import { type Dependencies, connect } from './dependencies.ts';
import { type Downstreams, type Endpoint, startDownstreams } from './downstream.ts';
import { type ShopModes, features } from './features.ts';
import { type DeferredOrders, createDeferredOrders } from './deferred-orders.ts';
import { type Guards, createGuards } from './guards.ts';
import type { Lifecycle } from './lifecycle.ts';
import { serveMetrics } from './metrics.ts';
import { protectedPages } from './protected-pages.ts';
import { createRenderer, workersFor } from './renderer.ts';
import { createRendering } from './rendering.ts';
import { type ShopBrownout, startBrownout } from './shop-brownout.ts';
import { type Shop, openShop } from './shop.ts';
import { storyMsOf } from './story.ts';
import { unprotectedPages } from './unprotected-pages.ts';
import { type Twin, type VisitBook, visitBook } from './visits.ts';
import { warmUp } from './warm-up.ts';

/** Where everything listens. */
interface Addresses extends Readonly<Record<Twin, string>> {
  readonly metrics: string;
  readonly admin: string;
  /** Opens the admin endpoint, to operators. */
  readonly token: string;
  /** The same, to those who only look. */
  readonly viewerToken: string;
}

/** The running services, and what can be seen of them. */
export interface Storefront {
  readonly addresses: Addresses;
  readonly registry: Registry;
  readonly degradation: Degradation<ShopModes>;
  readonly downstreams: Downstreams;
  readonly guards: Guards;
  readonly orders: DeferredOrders;
  readonly brownout: ShopBrownout;
  readonly meters: Readonly<Record<Twin, CallMeter>>;
  readonly visits: VisitBook;
  /** The longest that the event loop stood still so far. Milliseconds. */
  stallMs(): number;
}

/** Starts everything but the shoppers. What has been started is ended by `lifecycle`, also when something fails to start. */
export async function openStorefront(args: Arguments, lifecycle: Lifecycle): Promise<Storefront> {
  const registry = createRegistry({ random: seededRandom(args.seed + 1) });
  const guards = createGuards(registry);
  const mayRestore = (feature: string): boolean => feature !== 'recommendations' || !isOpen(guards, 'recommendations');
  const degradation = createDegradation({ features, events: registry.events, mayRestore });
  lifecycle.defer('features', () => degradation.close());
  const downstreams = await startDownstreams(seededRandom(args.seed + 2));
  lifecycle.defer('downstream services', () => downstreams.close());

  const meters = { protected: callMeter(), unprotected: callMeter() };
  const dependencies = connectFor('protected', { downstreams, meters, lifecycle });
  const orders = openOrders({ registry, degradation, guards, dependencies, lifecycle });
  const workers = workersFor(args.shoppersPerSecond);
  const storyMs = storyMsOf(args.forMs);
  const rendering = createRendering(registry, createRenderer(workers), Math.min(1000, storyMs / 20));
  const pages = protectedPages({ dependencies, guards, degradation, orders, rendering });
  const shop = await openShop(pages, args.port);
  lifecycle.defer('protected shop', () => shop.close());
  const twin = await openTwin({ downstreams, meters, lifecycle }, workers);
  await warmUp([shop.url, twin.url]);

  const apply = (level: number, reason: string): void => degradation.setLevel(level, { actor: 'brownout', reason });
  const brownout = startBrownout({ events: registry.events, meter: rendering.meter, apply, storyMs });
  lifecycle.defer('brownout', () => brownout.stop());
  const visits = visitBook();
  const watched = { registry, degradation, brownout, orders, visits, args, lifecycle };
  const addresses = { protected: shop.url, unprotected: twin.url, ...(await openWatch(watched)) };
  return {
    addresses,
    registry,
    degradation,
    downstreams,
    guards,
    orders,
    brownout,
    meters,
    visits,
    stallMs: watchLoop(lifecycle),
  };
}

// --- internal ---

interface Wiring {
  readonly downstreams: Downstreams;
  readonly meters: Readonly<Record<Twin, CallMeter>>;
  readonly lifecycle: Lifecycle;
}

function connectFor(twin: Twin, { downstreams, meters, lifecycle }: Wiring): Dependencies {
  const dependencies = connect(downstreams.urls, meters[twin]);
  lifecycle.defer(`${twin} connections`, () => dependencies.close());
  return dependencies;
}

async function openTwin(wiring: Wiring, workers: number): Promise<Shop> {
  const pages = unprotectedPages(connectFor('unprotected', wiring), createRenderer(workers));
  const shop = await openShop(pages, 0);
  wiring.lifecycle.defer('unprotected shop', () => shop.close());
  return shop;
}

interface OrderWiring extends Pick<Storefront, 'registry' | 'degradation' | 'guards'> {
  readonly dependencies: Dependencies;
  readonly lifecycle: Lifecycle;
}

/** Orders that are deferred wait until nobody asks for that any more, and payments are not known to be down. */
function openOrders({ registry, degradation, guards, dependencies, lifecycle }: OrderWiring): DeferredOrders {
  const isDeferred = (): boolean => degradation.mode('checkout') === 'deferred' || isOpen(guards, 'payment');
  const { settlement } = guards;
  const orders = createDeferredOrders({ dependencies, settlement, isDeferred, events: registry.events });
  lifecycle.defer('deferred orders', () => orders.close());
  return orders;
}

/** Returns what tells the longest that the event loop stood still since now. */
function watchLoop(lifecycle: Lifecycle): () => number {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  lifecycle.defer('loop delay', () => delay.disable());
  return () => delay.max / 1e6;
}

function isOpen(guards: Guards, endpoint: Endpoint): boolean {
  return guards[endpoint].circuit.state === 'open';
}

interface Watched extends Pick<Storefront, 'registry' | 'degradation' | 'brownout' | 'orders' | 'visits'> {
  readonly args: Arguments;
  readonly lifecycle: Lifecycle;
}

/** Opens `/metrics` and the admin endpoint. */
async function openWatch({ registry, degradation, orders, visits, args, lifecycle, ...watched }: Watched) {
  const { brownout } = watched.brownout;
  const outboxes = { orders: orders.outbox };
  const port = args.metricsPort;
  const metrics = await serveMetrics({ registry, degradation, brownout, outboxes, visits, port });
  lifecycle.defer('metrics', () => metrics.close());
  const operator = process.env['HOLDFAST_ADMIN_TOKEN'] || randomBytes(12).toString('base64url');
  const viewer = process.env['HOLDFAST_VIEWER_TOKEN'] || randomBytes(12).toString('base64url');
  const tokens = { operator, viewer };
  const admin = createAdmin({ service: 'storefront', registry, degradation, brownout, tokens, port: args.adminPort });
  lifecycle.defer('admin endpoint', () => admin.close());
  const { url } = await admin.listen();
  return { metrics: metrics.url, admin: url, token: operator, viewerToken: viewer };
}
