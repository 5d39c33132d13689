/**
 * Downstream: the three services that the shop depends on, as real HTTP servers on loopback, with faults to be set.
 *
 *   catalogue     GET  /products/:id          product
 *                 GET  /prices/:id            price
 *   recommender   GET  /recommendations/:id   recommendations
 *   payments      POST /payments              payment
 *
 * Invariants
 *  (1) Both twins meet the same faults: a fault belongs to an endpoint, and each call draws its own fate.
 *  (2) A changed fault resets the calls that hang at the endpoint.
 *  (3) An order is paid at most once, however often it is sent.
 *
 * @module
 */

import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';

import { type Fault, SLOW_BODY_MS, drawFate, drawLatencyMs, healthy } from './faults.ts';
import { type Order, type Price, type Product, type Receipt, assortment } from './goods.ts';
import { closeServer, listen } from './listening.ts';

/** The calls that the shop makes. */
export type Endpoint = 'product' | 'price' | 'recommendations' | 'payment';

/** All endpoints, in the order in which they are shown. */
export const endpoints: readonly Endpoint[] = Object.freeze(['product', 'price', 'recommendations', 'payment']);

/** The running services. */
export interface Downstreams {
  /** Where each endpoint's service listens. */
  readonly urls: Readonly<Record<Endpoint, string>>;
  /** Replaces all faults; an endpoint that is not named is healthy. */
  setFaults(faults: Partial<Record<Endpoint, Fault>>): void;
  /** Orders paid so far. */
  readonly paidCount: number;
  close(): Promise<void>;
}

/** Starts the three services on free ports of loopback. */
export async function startDownstreams(random: () => number): Promise<Downstreams> {
  const behaviour = new Behaviour(random);
  const servers = { catalogue: serve(behaviour), recommender: serve(behaviour), payments: serve(behaviour) };
  const catalogue = await listen(servers.catalogue, 0);
  const recommendations = await listen(servers.recommender, 0);
  const payment = await listen(servers.payments, 0);
  return {
    urls: { product: catalogue, price: catalogue, recommendations, payment },
    setFaults: (faults) => behaviour.setFaults(faults),
    get paidCount() {
      return behaviour.paid.size;
    },
    close: async () => {
      await Promise.all(Object.values(servers).map(closeServer));
    },
  };
}

// --- internal ---

interface Call {
  readonly endpoint: Endpoint;
  readonly status: number;
  readonly body: unknown;
}

function serve(behaviour: Behaviour): Server {
  return createServer((request, response) => {
    request.on('error', () => response.destroy());
    readBody(request, (body) => {
      const call = route(request, body, behaviour.paid);
      if (call === undefined) send(response, 404, { error: 'no such thing' });
      else behaviour.answer(call, response);
    });
  });
}

/** How the endpoints behave now, and the calls that hang there. */
class Behaviour {
  readonly paid = new Set<string>();
  readonly #random: () => number;
  readonly #hanging = new Map<Endpoint, Set<ServerResponse>>();
  #faults: Partial<Record<Endpoint, Fault>> = {};

  constructor(random: () => number) {
    this.#random = random;
  }

  setFaults(faults: Partial<Record<Endpoint, Fault>>): void {
    for (const endpoint of endpoints) {
      if (faults[endpoint] === this.#faults[endpoint]) continue;
      for (const response of this.#hanging.get(endpoint) ?? []) response.destroy(); // (2)
    }
    this.#faults = faults;
  }

  answer(call: Call, response: ServerResponse): void {
    const fault = this.#faults[call.endpoint] ?? healthy;
    const fate = drawFate(fault, this.#random); // (1)
    if (fate === 'hang') this.#hang(call.endpoint, response);
    else if (fate === 'reset') response.socket?.resetAndDestroy();
    else if (fate === 'slow-body') dripBody(response, call.body);
    else later(response, drawLatencyMs(fault, this.#random), () => this.#finish(call, response, fate === 'error'));
  }

  #finish({ endpoint, status, body }: Call, response: ServerResponse, isError: boolean): void {
    if (isError) send(response, 503, { error: `${endpoint} is out of order` });
    else send(response, status, body);
  }

  #hang(endpoint: Endpoint, response: ServerResponse): void {
    const hanging = this.#hanging.get(endpoint) ?? new Set();
    this.#hanging.set(endpoint, hanging.add(response));
    response.once('close', () => hanging.delete(response));
  }
}

function route(request: IncomingMessage, body: string, paid: Set<string>): Call | undefined {
  const [, collection = '', id = ''] = (request.url ?? '').split('/');
  if (collection === 'payments' && request.method === 'POST') return pay(body, paid);
  const index = assortment.findIndex((product) => product.id === id);
  const product = assortment[index];
  if (product === undefined) return undefined;
  switch (collection) {
    case 'products':
      return { endpoint: 'product', status: 200, body: product satisfies Product };
    case 'prices':
      return { endpoint: 'price', status: 200, body: priceOf(index) };
    case 'recommendations':
      return { endpoint: 'recommendations', status: 200, body: recommendationsFor(index) };
    default:
      return undefined;
  }
}

function pay(body: string, paid: Set<string>): Call {
  const { id } = JSON.parse(body) as Order;
  paid.add(id); // (3)
  return { endpoint: 'payment', status: 201, body: { orderId: id, paid: true } satisfies Receipt };
}

function priceOf(index: number): Price {
  return { amountCents: 1900 + index * 350, currency: 'EUR' };
}

function recommendationsFor(index: number): readonly string[] {
  return [1, 5, 11].map((step) => (assortment[(index + step) % assortment.length] as Product).id);
}

function readBody(request: IncomingMessage, done: (body: string) => void): void {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => done(body));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function dripBody(response: ServerResponse, body: unknown): void {
  const text = JSON.stringify(body);
  const half = Math.floor(text.length / 2);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
  response.write(text.slice(0, half));
  later(response, SLOW_BODY_MS, () => response.end(text.slice(half)));
}

/** Calls `action` after `delayMs`, unless the caller has gone by then. */
function later(response: ServerResponse, delayMs: number, action: () => void): void {
  const timer = setTimeout(action, delayMs);
  response.once('close', () => clearTimeout(timer));
}
