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

import { createAdmin } from '@holdfast/console';
import { type Registry, createRegistry } from '@holdfast/core';
import { seededRandom } from '@holdfast/core/testing';
import { type Degradation, createDegradation } from '@holdfast/degradation';

import type { Arguments } from './arguments.ts';
import { type CallMeter, callMeter } from './call-meter.ts';
import { type Dependencies, connect } from './dependencies.ts';
import { type Downstreams, startDownstreams } from './downstream.ts';
import { type ShopModes, features } from './features.ts';
import { type Guards, createGuards } from './guards.ts';
import type { Lifecycle } from './lifecycle.ts';
import { serveMetrics } from './metrics.ts';
import { type Outbox, createOutbox } from './outbox.ts';
import { protectedPages } from './protected-pages.ts';
import { type Shop, openShop } from './shop.ts';
import { unprotectedPages } from './unprotected-pages.ts';
import { type Twin, type VisitBook, visitBook } from './visits.ts';
import { warmUp } from './warm-up.ts';

/** Where everything listens. */
interface Addresses extends Readonly<Record<Twin, string>> {
  readonly metrics: string;
  readonly admin: string;
  /** Opens the admin endpoint. */
  readonly token: string;
}

/** The running services, and what can be seen of them. */
export interface Storefront {
  readonly addresses: Addresses;
  readonly registry: Registry;
  readonly degradation: Degradation<ShopModes>;
  readonly downstreams: Downstreams;
  readonly guards: Guards;
  readonly outbox: Outbox;
  readonly meters: Readonly<Record<Twin, CallMeter>>;
  readonly visits: VisitBook;
}

/** Starts everything but the shoppers. What has been started is ended by `lifecycle`, also when something fails to start. */
export async function openStorefront(args: Arguments, lifecycle: Lifecycle): Promise<Storefront> {
  const registry = createRegistry({ random: seededRandom(args.seed + 1) });
  const degradation = createDegradation({ features, events: registry.events });
  lifecycle.defer('features', () => degradation.close());
  const downstreams = await startDownstreams(seededRandom(args.seed + 2));
  lifecycle.defer('downstream services', () => downstreams.close());

  const meters = { protected: callMeter(), unprotected: callMeter() };
  const guards = createGuards(registry);
  const dependencies = connectFor('protected', { downstreams, meters, lifecycle });
  const outbox = createOutbox(dependencies, guards.settlement);
  lifecycle.defer('outbox', () => outbox.close());
  const pages = protectedPages({ dependencies, guards, degradation, outbox });
  const shop = await openShop(pages, args.port);
  lifecycle.defer('protected shop', () => shop.close());
  const twin = await openTwin({ downstreams, meters, lifecycle });
  await warmUp([shop.url, twin.url]);

  const visits = visitBook();
  const watched = { registry, degradation, visits, args, lifecycle };
  const addresses = { protected: shop.url, unprotected: twin.url, ...(await openWatch(watched)) };
  return { addresses, registry, degradation, downstreams, guards, outbox, meters, visits };
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

async function openTwin(wiring: Wiring): Promise<Shop> {
  const shop = await openShop(unprotectedPages(connectFor('unprotected', wiring)), 0);
  wiring.lifecycle.defer('unprotected shop', () => shop.close());
  return shop;
}

interface Watched extends Pick<Storefront, 'registry' | 'degradation' | 'visits'> {
  readonly args: Arguments;
  readonly lifecycle: Lifecycle;
}

/** Opens `/metrics` and the admin endpoint. */
async function openWatch({ registry, degradation, visits, args, lifecycle }: Watched) {
  const metrics = await serveMetrics({ registry, degradation, visits, port: args.metricsPort });
  lifecycle.defer('metrics', () => metrics.close());
  const token = process.env['HOLDFAST_ADMIN_TOKEN'] || randomBytes(12).toString('base64url');
  const admin = createAdmin({ registry, degradation, token, port: args.adminPort });
  lifecycle.defer('admin endpoint', () => admin.close());
  const { url } = await admin.listen();
  return { metrics: metrics.url, admin: url, token };
}
