/**
 * Client: somebody who orders. It can be killed in the middle of it.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';

import { type Context, createRegistry, messageOf } from '@holdfast/core';
import { classifyHttpForRetry, httpRetry } from '@holdfast/http';
import { createFetch } from '@holdfast/http/fetch';

import type { OrderLine } from '../contract/order.ts';
import { answeredIsAnswered } from '../gateway/orders-client.ts';

/** Who orders what. */
export interface Errand {
  readonly user: string;
  readonly region: string;
  readonly lines: readonly OrderLine[];
  /** Time that the user gives it. Milliseconds; undefined leaves it to the gateway. */
  readonly timeoutMs?: number;
}

/** An errand under way. */
export interface Sent extends Errand {
  readonly ref: string;
  readonly traceId: string;
}

/** What came of it. */
export interface Answer extends Sent {
  /** 0 where nothing was answered. */
  readonly status: number;
  readonly retryAfter: string | null;
  readonly contentType: string | null;
  readonly body: string;
  /** Instant of `performance.now()`. */
  readonly sentAt: number;
  readonly tookMs: number;
}

/** Gives an errand its reference and its trace. */
export function prepare(errand: Errand): Sent {
  return {
    ...errand,
    ref: `${errand.user}-${randomBytes(6).toString('hex')}`,
    traceId: randomBytes(16).toString('hex'),
  };
}

/** Orders, and waits for the answer. Where nothing is answered, as when a connection was just closed, it is sent again. Never rejects. */
export async function order(url: string, sent: Sent, context: Context): Promise<Answer> {
  const sentAt = performance.now();
  try {
    const init = { method: 'POST', headers: headersOf(sent), body: bodyOf(sent), idempotent: true };
    const response = await ask(context, `${url}/orders`, init);
    const body = await response.text();
    const [retryAfter, contentType] = ['retry-after', 'content-type'].map((name) => response.headers.get(name));
    const headers = { retryAfter: retryAfter ?? null, contentType: contentType ?? null };
    return { ...sent, ...headers, status: response.status, body, sentAt, tookMs: performance.now() - sentAt };
  } catch (error) {
    const headers = { retryAfter: null, contentType: null };
    return { ...sent, ...headers, status: 0, body: messageOf(error), sentAt, tookMs: performance.now() - sentAt };
  }
}

/** A client with a connection of its own. */
export interface DoomedClient {
  /** Kills it: its connection is gone, by a FIN as when a process ends, or by a RST as when its machine does. */
  kill(how: 'fin' | 'rst'): void;
}

/** Orders, and will not wait for the answer. */
export async function openDoomed(url: string, sent: Sent): Promise<DoomedClient> {
  const asking = request(`${url}/orders`, { method: 'POST', headers: headersOf(sent), agent: false });
  asking.on('error', () => {}); // it is killed
  asking.end(bodyOf(sent));
  const [socket] = (await once(asking, 'socket')) as [Socket];
  return {
    kill(how) {
      if (how === 'rst') socket.resetAndDestroy();
      else socket.destroy();
    },
  };
}

/** How often an order was sent again by {@link order}, of all. */
export function sentAgainCount(): number {
  return again.retriedCount;
}

// --- internal ---

const again = httpRetry({
  ...createRegistry().ports,
  maxAttempts: 4,
  baseDelayMs: 10,
  classify: answeredIsAnswered(classifyHttpForRetry),
});
const ask = createFetch({ policy: again, codec: { inject: (_context, carrier) => carrier } }); // its headers are its own

function headersOf({ user, region, timeoutMs, traceId, ref }: Sent): Record<string, string> {
  return {
    authorization: `Bearer ${user}.${region}`,
    'content-type': 'application/json',
    'idempotency-key': ref,
    traceparent: `00-${traceId}-${traceId.slice(0, 16)}-01`,
    ...(timeoutMs !== undefined && { 'x-request-timeout': `${timeoutMs}ms` }),
  };
}

function bodyOf({ ref, lines }: Sent): string {
  return JSON.stringify({ ref, lines });
}
