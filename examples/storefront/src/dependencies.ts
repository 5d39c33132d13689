/**
 * Dependencies: the shop's client of the services downstream. It sends one HTTP call, measures it, and reads the answer;
 * it knows nothing of policies. Each twin has one of its own, with its own connections.
 *
 * @module
 */

import { Agent, type Dispatcher, request } from 'undici';

import type { Context } from '@holdfast/core';

import type { CallMeter } from './call-meter.ts';
import type { Endpoint } from './downstream.ts';
import type { Order, Price, Product, Receipt } from './goods.ts';

/** A service answered, with a status that is no success. */
export class DependencyError extends Error {
  override readonly name = 'DependencyError';
  readonly status: number;

  constructor(endpoint: Endpoint, status: number) {
    super(`${endpoint} answered ${status}`);
    this.status = status;
  }
}

/** What the shop can ask. A call without a context waits as long as it takes. */
export interface Dependencies {
  product(id: string, context?: Context): Promise<Product>;
  price(id: string, context?: Context): Promise<Price>;
  recommendations(id: string, context?: Context): Promise<readonly string[]>;
  /** Safe to repeat: the order's id makes it one payment. */
  pay(order: Order, context?: Context): Promise<Receipt>;
  close(): Promise<void>;
}

/** Creates a client whose calls are counted by `meter`. */
export function connect(urls: Readonly<Record<Endpoint, string>>, meter: CallMeter): Dependencies {
  const agent = new Agent({ connections: MAX_CONNECTIONS_PER_SERVICE });
  const ask = <T>(endpoint: Endpoint, path: string, { context, body }: Question = {}): Promise<T> =>
    meter.measure(endpoint, () => fetchJson<T>({ endpoint, url: `${urls[endpoint]}${path}`, agent, context, body }));
  return {
    product: (id, context) => ask('product', `/products/${encodeURIComponent(id)}`, { context }),
    price: (id, context) => ask('price', `/prices/${encodeURIComponent(id)}`, { context }),
    recommendations: (id, context) => ask('recommendations', `/recommendations/${encodeURIComponent(id)}`, { context }),
    pay: (order, context) => ask('payment', '/payments', { context, body: JSON.stringify(order) }),
    close: () => agent.destroy(),
  };
}

// --- internal ---

const MAX_CONNECTIONS_PER_SERVICE = 256;

interface Question {
  readonly context?: Context | undefined;
  readonly body?: string | undefined;
}

interface Call extends Question {
  readonly endpoint: Endpoint;
  readonly url: string;
  readonly agent: Dispatcher;
}

async function fetchJson<T>({ endpoint, url, agent, context, body }: Call): Promise<T> {
  const answer = await request(url, {
    dispatcher: agent,
    ...(body !== undefined && { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
    ...(context !== undefined && { signal: context.signal }),
  });
  if (answer.statusCode >= 300) {
    await answer.body.dump();
    throw new DependencyError(endpoint, answer.statusCode);
  }
  return (await answer.body.json()) as T;
}
