/**
 * Shop: the HTTP service. Both twins are this service with the same routes; only their pages differ.
 *
 *   GET  /products/:id   200 the page · 404 no such product · 502, 503, 504 none to be had
 *   POST /checkout       200 paid · 202 accepted, to be paid later · 400 malformed · 502, 503, 504
 *
 * Each request gets its context here: the deadline of its page, the end when the shopper leaves, and who the shopper is, by
 * whom a brownout decides. What was degraded for it is said in its `Degraded` header, as far as outsiders may hear of it.
 *
 * @module
 */

import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import { Context, isRejection, isTimeout } from '@holdfast/core';
import {
  type DegradedNotice,
  degradedHeader,
  noticesOf,
  publicNotices,
  target,
  withNotices,
} from '@holdfast/degradation';

import { DependencyError } from './dependencies.ts';
import { features } from './features.ts';
import { type Answer, type Pages, UnavailableError } from './pages.ts';

/** Times in which the protected shop answers. Milliseconds. */
export const budgetsMs: { readonly page: number; readonly checkout: number } = Object.freeze({
  page: 300,
  checkout: 500,
});

/** A running shop. */
export interface Shop {
  /** `http://127.0.0.1:40123` */
  readonly url: string;
  /** Stops taking requests, answers those it has, and ends. */
  close(): Promise<void>;
}

/** Opens a shop on loopback. Port 0 takes a free one. */
export async function openShop(pages: Pages, port: number): Promise<Shop> {
  const app = fastify({ forceCloseConnections: 'idle', keepAliveTimeout: 5000 });
  app.get<{ Params: { id: string } }>('/products/:id', (request, reply) =>
    answer(request, reply, (context) => pages.product(request.params.id, context)),
  );
  app.post<{ Body: { productId: string } }>('/checkout', { schema: { body: orderSchema } }, (request, reply) =>
    answer(request, reply, (context) => pages.checkout(request.body.productId, context)),
  );
  const url = await app.listen({ host: '127.0.0.1', port });
  return { url, close: () => closeApp(app) };
}

// --- internal ---

const orderSchema = {
  type: 'object',
  required: ['productId'],
  properties: { productId: { type: 'string', minLength: 1, maxLength: 40 } },
} as const;

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  page: (context: Context) => Promise<Answer>,
): Promise<FastifyReply> {
  using deadline = Context.background.withTimeout(request.method === 'POST' ? budgetsMs.checkout : budgetsMs.page);
  const context = withNotices(deadline).withValue(target, { key: shopperOf(request) });
  const leave = (): void => deadline.cancel();
  reply.raw.once('close', leave);
  try {
    const { status, body, isDeferredByFailure = false } = await page(context);
    tellDegraded(reply, isDeferredByFailure ? [...noticesOf(context), deferredByFailure] : noticesOf(context));
    return reply.code(status).send(body);
  } catch (error) {
    return sendError(reply, error);
  } finally {
    reply.raw.off('close', leave);
  }
}

const deferredByFailure: DegradedNotice = { feature: 'checkout', mode: 'deferred', decidedBy: 'failure' };

/** Who the shopper is: what a session would say. Undefined is nobody in particular. */
function shopperOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['x-shopper'];
  return typeof id === 'string' && /^[\w-]{1,40}$/.test(id) ? id : undefined;
}

/** Only what the catalogue calls public leaves the house. */
function tellDegraded(reply: FastifyReply, notices: readonly DegradedNotice[]): void {
  const header = degradedHeader(publicNotices(notices, features));
  if (header !== undefined) void reply.header('degraded', header);
}

function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const status = statusOf(error);
  if (status === 503) void reply.header('retry-after', '1');
  return reply.code(status).send({ error: error instanceof Error ? error.message : 'unknown' });
}

function statusOf(error: unknown): number {
  if (error instanceof DependencyError && error.status < 500) return error.status;
  if (error instanceof UnavailableError || isRejection(error)) return 503;
  return isTimeout(error) ? 504 : 502;
}

async function closeApp(app: FastifyInstance): Promise<void> {
  const hardStop = setTimeout(() => app.server.closeAllConnections(), HARD_STOP_MS);
  await app.close();
  clearTimeout(hardStop);
}

/** How long a closing shop waits for its last answers. */
const HARD_STOP_MS = 1000;
