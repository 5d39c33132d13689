/**
 * Gateway: the edge. Here a request gets its deadline, its trace and its user, and here it ends when the client leaves.
 *
 *   client ──► context: deadline (its own, or 3 s; 5 s at most), trace, id ──► user, region ──► orders
 *
 * @module
 */

import { createRegistry } from '@holdfast/core';
import {
  type ProblemAnswer,
  type RequestEnding,
  contextOf,
  createRequestContexts,
  extendContext,
  upstreamProblem,
} from '@holdfast/http';
import { requestContexts } from '@holdfast/http/fastify';
import { createLifecycle, serverComponent } from '@holdfast/service';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';

import { edgeCodec } from '../contract/order-context.ts';
import { hopOfRequest, orderRef } from '../service/hop-of-request.ts';
import { parseOrder } from '../contract/order.ts';
import { portOf } from '../service/listening.ts';
import { createProbes } from '../service/probes.ts';
import { type Service, type ServicePorts, nothing, stopping } from '../service/service.ts';
import { withCaller } from './caller.ts';
import { type OrdersClient, createOrdersClient } from './orders-client.ts';

/** What the gateway must know. */
export interface GatewayPlan {
  /** `http://orders.internal` */
  readonly ordersUrl: string;
  /** Port to listen at; 0 takes a free one. */
  readonly port?: number;
}

/** Creates the gateway. */
export async function createGateway(plan: GatewayPlan, { process, tellHop }: ServicePorts): Promise<Service> {
  const registry = createRegistry();
  const life = createLifecycle({ name: 'gateway', ...stopping, ...(process && { process }) });
  const requests = createRequestContexts({
    name: 'gateway',
    codec: edgeCodec,
    defaultTimeoutMs: 3000, // what a user will wait for
    maxTimeoutMs: 5000,
    problems: mayComeAgain,
    onEnded: (ending: RequestEnding) => tellHop(hopOfRequest('gateway', ending)),
  });
  const app = fastify();
  await app.register(requestContexts, { requests });
  addRoutes(app, createOrdersClient(plan.ordersUrl, registry));
  await app.ready();

  const probes = createProbes({ life, registry, counting: { httpServers: { gateway: requests } } });
  for (const component of probes.components) life.add(component);
  life.add({ name: 'routes', close: () => app.close() });
  life.add(requests.withDrain(serverComponent(app.server, { port: plan.port ?? 0, host: '127.0.0.1' })));
  return {
    name: 'gateway',
    life,
    port: () => portOf(app.server),
    probesPort: probes.port,
    read: () => ({ ...nothing, open: requests.counts().running }),
  };
}

// --- internal ---

function addRoutes(app: FastifyInstance, orders: OrdersClient): void {
  app.addHook('preHandler', authenticate);
  app.post('/orders', async (request, reply) => {
    const order = parseOrder(request.body);
    if (order === undefined) return reply.code(400).send({ title: 'That is no order' });
    const context = extendContext(request, (before) => before.withValue(orderRef, order.ref));
    const { status, headers, body } = await orders.place(context, order);
    return reply.code(status).headers(headers).send(body);
  });
}

/** An orders service that cannot be reached, or was broken off, is 503 and "later": the same order may come again, it has a reference. */
function mayComeAgain(error: unknown): ProblemAnswer | undefined {
  const problem = upstreamProblem(error);
  return problem?.code === 'UPSTREAM_FAILED' ? { code: 'UPSTREAM_UNAVAILABLE' } : problem;
}

async function authenticate(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const context = withCaller(contextOf(request), request.headers);
  if (context === undefined) return reply.code(401).send({ title: 'Say who you are: Authorization: Bearer ada.eu' });
  extendContext(request, () => context);
  return undefined;
}
