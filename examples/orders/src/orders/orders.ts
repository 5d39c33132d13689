/**
 * Orders: the service that takes orders. It speaks HTTP on plain `node:http`, asks the inventory over gRPC, and has the audit
 * told over RabbitMQ when its answer is out.
 *
 * @module
 */

import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';

import { createRegistry } from '@holdfast/core';
import { type RequestEnding, createRequestContexts, extendContext } from '@holdfast/http';
import { handleRequests } from '@holdfast/http/node';
import { createLifecycle, createTracker, serverComponent } from '@holdfast/service';

import { httpCodec } from '../contract/order-context.ts';
import { parseOrder } from '../contract/order.ts';
import { hopOfRequest, orderRef } from '../service/hop-of-request.ts';
import { portOf } from '../service/listening.ts';
import { createProbes } from '../service/probes.ts';
import { type Service, type ServicePorts, stopping } from '../service/service.ts';
import { AuditTrail } from './audit-trail.ts';
import { createInventory } from './inventory-client.ts';
import { readJson, sendJson } from './json-body.ts';
import { type OrderPorts, placeOrder, recordLater } from './place-order.ts';

/** What the orders service must know. */
export interface OrdersPlan {
  /** `127.0.0.1:50051` */
  readonly inventory: string;
  /** `amqp://user:password@host` */
  readonly amqpUrl: string;
  /** Port to listen at; 0 takes a free one. */
  readonly port?: number;
}

/** Creates the orders service. */
export async function createOrders(plan: OrdersPlan, { process, tellHop }: ServicePorts): Promise<Service> {
  const registry = createRegistry();
  const life = createLifecycle({ name: 'orders', ...stopping, ...(process && { process }) });
  const inventory = createInventory(plan.inventory, registry);
  const trail = new AuditTrail(plan.amqpUrl, (why) => life.stop(why));
  const tracker = createTracker({ name: 'background' });
  const requests = createRequestContexts({
    name: 'orders',
    codec: httpCodec,
    onEnded: (ending: RequestEnding) => tellHop(hopOfRequest('orders', ending)),
  });
  const ports: OrderPorts = { inventory, trail, tracker };
  const server = createServer(handleRequests(requests, (_context, ...exchange) => answer(ports, ...exchange)));

  const counting = { httpServers: { orders: requests }, trackers: { background: tracker } };
  const probes = createProbes({ life, registry, counting });
  for (const component of probes.components) life.add(component);
  life.add({ name: 'inventory', close: () => inventory.close() });
  life.add(trail);
  life.add(tracker);
  life.add(requests.withDrain(serverComponent(server, { port: plan.port ?? 0, host: '127.0.0.1' })));
  return {
    name: 'orders',
    life,
    port: () => portOf(server),
    probesPort: probes.port,
    read: () => ({
      open: requests.counts().running,
      background: tracker.status().running,
      checkedOut: 0,
      circuits: { inventory: inventory.breaker.state },
    }),
  };
}

// --- internal ---

async function answer(ports: OrderPorts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST' || request.url !== '/orders') return sendJson(response, 404, { title: 'Not here' });
  const order = parseOrder(await readJson(request));
  if (order === undefined) return sendJson(response, 400, { title: 'That is no order' });
  const context = extendContext(request, (before) => before.withValue(orderRef, order.ref));
  const placed = await placeOrder(context, order, ports);
  if (placed.reserved.length === 0) return sendJson(response, 409, { title: 'There is nothing of it', ...placed });
  sendJson(response, 201, placed);
  recordLater(context, placed, ports);
}
