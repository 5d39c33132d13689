/**
 * What can be seen and done while the storefront runs: `/metrics`, the admin endpoint, the shop itself; and how it stops.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type StorefrontProcess,
  isGroupAlive,
  isListening,
  printedValue,
  startStorefront,
} from './storefront-process.ts';

const circuits = ['product', 'price', 'recommendations', 'payment'];
const change = { mode: 'deferred', actor: 'alice', reason: 'INC-1', expiresInMs: 60_000 };

let storefront: StorefrontProcess;
let urls: Readonly<Record<'shop' | 'metrics' | 'admin', string>>;
let token: string;

beforeAll(async () => {
  storefront = startStorefront();
  const output = await storefront.printed('t=1s');
  urls = {
    shop: printedValue(output, 'shop'),
    metrics: printedValue(output, 'metrics'),
    admin: printedValue(output, 'admin'),
  };
  token = printedValue(output, 'token');
});
afterAll(() => storefront.kill());

describe('/metrics of the storefront', () => {
  it.for(circuits)('shows exactly one state of the circuit %s', async (name) => {
    const states = await samples(`holdfast_circuit_state{name="${name}",`);

    expect(states.toSorted((a, b) => a - b)).toEqual([0, 0, 0, 0, 1]);
  });

  it('counts what shoppers got', async () => {
    expect(await samples('storefront_visits_total{twin="protected",errand="page",result="full"}')).toEqual([
      expect.any(Number),
    ]);
  });
});

describe('the admin endpoint of the storefront', () => {
  it('switches a feature within 100 ms, and the metric says so', async () => {
    const startedAt = performance.now();
    const answer = await admin('PUT', 'checkout', change);
    const served = await deferred();
    const tookMs = performance.now() - startedAt;
    await admin('DELETE', 'checkout', { actor: 'alice', reason: 'over' });

    expect(answer.status).toBe(200);
    expect(served).toEqual([1]);
    expect(tookMs).toBeLessThan(100);
    expect(await deferred()).toEqual([0]);
  });

  it('is obeyed by the shop: a deferred checkout answers 202 and says so', async () => {
    await admin('PUT', 'checkout', change);
    const answer = await checkout({ productId: 'p1' });
    await admin('DELETE', 'checkout', { actor: 'alice', reason: 'over' });

    expect(answer.status).toBe(202);
    expect(answer.headers.get('degraded')).toBe('checkout=deferred');
    expect((await checkout({ productId: 'p1' })).status).toBe(200);
  });

  it('lets an override expire by itself', async () => {
    await admin('PUT', 'checkout', { ...change, expiresInMs: 200 });

    await expect.poll(deferred, { timeout: 5000 }).toEqual([0]);
  });

  it.for([
    ['no token', undefined],
    ['a wrong token', 'Bearer wrong'],
    ['a scheme that is not Bearer', 'Basic YTpi'],
  ] as const)('answers %s with 401 and changes nothing', async ([, authorization]) => {
    const answer = await admin('PUT', 'checkout', change, authorization ?? null);

    expect(answer.status).toBe(401);
    expect(await deferred()).toEqual([0]);
  });

  it.for([
    ['text that is no JSON', '{"mode":'],
    ['a mode that does not exist', { ...change, mode: 'never' }],
    ['a change without a reason', { ...change, reason: undefined }],
    ['a change without an expiry', { ...change, expiresInMs: undefined }],
    ['an expiry of 0', { ...change, expiresInMs: 0 }],
    ['a field that does not exist', { ...change, colour: 'red' }],
  ] as const)('answers %s with 400, says why, and changes nothing', async ([, body]) => {
    const answer = await admin('PUT', 'checkout', body);

    expect(answer.status).toBe(400);
    expect((await answer.text()).length).toBeGreaterThan(20);
    expect(await deferred()).toEqual([0]);
  });
});

describe('the shop', () => {
  it('passes on that a product does not exist, which no circuit holds against the dependency', async () => {
    const answer = await fetch(`${urls.shop}/products/nothing`);

    expect(answer.status).toBe(404);
    expect(await samples('holdfast_circuit_calls_total{name="product",verdict="failure"}')).toEqual([0]);
  });

  it('refuses a malformed order with 400', async () => {
    expect((await checkout({})).status).toBe(400);
  });
});

// This test ends the process that the others use: it stays last.
describe('SIGINT', () => {
  it('drains the storefront: summary, exit code 0, no process and no port left', async () => {
    storefront.child.kill('SIGINT');

    expect(await storefront.ended).toEqual({ code: 0, signal: null });
    expect(storefront.output()).toContain('protected.page.availability');
    expect(storefront.errors()).toBe('');
    await expect.poll(() => isGroupAlive(storefront), { timeout: 2000 }).toBe(false);
    for (const url of Object.values(urls)) expect(await isListening(url)).toBe(false);
  });
});

function admin(method: string, feature: string, body: unknown, authorization: string | null = `Bearer ${token}`) {
  return fetch(`${urls.admin}/features/${feature}`, {
    method,
    headers: { 'content-type': 'application/json', ...(authorization !== null && { authorization }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

function checkout(order: object): Promise<Response> {
  return fetch(`${urls.shop}/checkout`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
}

function deferred(): Promise<number[]> {
  return samples('holdfast_feature_mode{feature="checkout",mode="deferred"}');
}

/** Values of the samples whose line begins with `start`. */
async function samples(start: string): Promise<number[]> {
  const text = await (await fetch(urls.metrics)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(start));
  return lines.map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
}
