/**
 * Orders client: how the gateway asks the orders service: one bound for all, another try only where nothing was answered, a
 * circuit for the case that nothing ever is.
 *
 * @module
 */

import type { Classify, Context, Registry } from '@holdfast/core';
import { classifyHttp, classifyHttpForRetry, httpPolicies } from '@holdfast/http';
import { createFetch } from '@holdfast/http/fetch';

import { httpCodec } from '../contract/order-context.ts';
import type { Order } from '../contract/order.ts';
import { blameless } from '../service/blameless.ts';

/** What the orders service has answered. */
interface OrdersAnswer {
  readonly status: number;
  /** Headers that are for the client, too. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Asks the orders service. */
export interface OrdersClient {
  /**
   * Sends an order.
   *
   * @throws what fetch throws when nothing was answered, which is answered as such; CircuitOpenError while nothing ever is.
   * @throws the cause of the context when it ends first.
   */
  place(context: Context, order: Order): Promise<OrdersAnswer>;
}

/** Creates a client of the service at `baseUrl`. */
export function createOrdersClient(baseUrl: string, registry: Registry): OrdersClient {
  const policy = registry.add(
    httpPolicies({
      ...registry.ports,
      name: 'orders',
      tryTimeoutMs: 2500, // less than users wait, or nobody would be left to judge
      retry: { maxAttempts: 3, baseDelayMs: 20, maxDelayMs: 200, classify: answeredIsAnswered(classifyHttpForRetry) },
      breaker: { minimumCalls: 20, openForMs: 1000, classify: blameless(answeredIsAnswered(classifyHttp)) },
    }),
  );
  const ask = createFetch({ baseUrl, codec: httpCodec, policy });
  return {
    async place(context, order) {
      const response = await ask(context, '/orders', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': order.ref },
        body: JSON.stringify(order),
      });
      return { status: response.status, headers: passedOn(response.headers), body: await response.text() };
    },
  };
}

/** What a service answers is its own word, a 503 too: it is there. Only where nothing comes back another try, and the circuit, help. */
export function answeredIsAnswered(classify: Classify): Classify {
  return (outcome, context) => (outcome.status === 'fulfilled' ? 'success' : classify(outcome, context));
}

// --- internal ---

function passedOn(headers: Headers): Record<string, string> {
  const entries = ['content-type', 'retry-after'].map((name) => [name, headers.get(name)] as const);
  return Object.fromEntries(entries.flatMap(([name, text]) => (text === null ? [] : [[name, text]])));
}
