/**
 * What can be seen and done while the storefront runs: `/metrics`, the admin endpoint, the shop itself; and how it stops.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
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
let viewerToken: string;

beforeAll(async () => {
  storefront = startStorefront('--shoppers', '5'); // few: a busy machine browns out nothing by itself
  const output = await storefront.printed('t=1s');
  urls = {
    shop: printedValue(output, 'shop'),
    metrics: printedValue(output, 'metrics'),
    admin: printedValue(output, 'admin'),
  };
  token = printedValue(output, 'token');
  viewerToken = printedValue(output, 'viewer');
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
    const tookMs: number[] = [];
    for (let time = 1; time <= 5; time++) {
      const startedAt = performance.now();
      const answer = await admin('PUT', 'checkout', change);
      const served = await deferred();
      tookMs.push(performance.now() - startedAt);
      await admin('DELETE', 'checkout', { actor: 'alice', reason: 'over' });
      expect([answer.status, served]).toEqual([200, [1]]);
    }

    expect(Math.min(...tookMs)).toBeLessThan(100); // of five, since the machine may do something else
    expect(await deferred()).toEqual([0]);
  });

  it('is obeyed by the shop: a deferred checkout answers 202 and says so', async () => {
    await admin('PUT', 'checkout', change);
    const answer = await checkout({ productId: 'p1' });
    await admin('DELETE', 'checkout', { actor: 'alice', reason: 'over' });

    expect(answer.status).toBe(202);
    expect(answer.headers.get('degraded')).toBe('checkout=deferred;by=manual');
    expect((await checkout({ productId: 'p1' })).status).toBe(200);
  });

  it('says in a header, in the words of RFC 9651, what a page lacks, and by whom', async () => {
    const cached = { ...change, mode: 'cached', kind: 'atLeast' };
    await admin('PUT', 'recommendations', { ...cached, match: [] });
    await admin('PUT', 'price', cached);
    const header = (await product()).headers.get('degraded') ?? '';
    for (const feature of ['recommendations', 'price'])
      await admin('DELETE', feature, { actor: 'alice', reason: 'over', isAtOnce: true });

    const members = header.split(', ').toSorted();
    expect(members).toEqual(['price=cached;by=manual', 'recommendations=cached;by=manual']);
    expect(members.every((member) => /^[a-z][a-z0-9_-]*=[a-z][a-z0-9-]*;by=[a-z-]+$/.test(member))).toBe(true);
  });

  it('keeps what is not public out of the header', async () => {
    await admin('PUT', 'insights', { ...change, mode: 'off' });
    const header = (await product()).headers.get('degraded') ?? '';
    await admin('DELETE', 'insights', { actor: 'alice', reason: 'over' });

    expect(header).not.toContain('insights');
  });

  it('degrades the share of the shoppers that it is told to, always the same ones, and explains it', async () => {
    await admin('PUT', 'recommendations', { ...change, mode: 'off', kind: 'atLeast', shareRatio: 0.5 });
    const names = Array.from({ length: 40 }, (_, index) => `shopper-${index}`);
    const degradedOf = async (name: string): Promise<string> => {
      const { ok, headers } = await product(name);
      return ok ? (headers.get('degraded') ?? '') : 'no answer in time';
    };
    const ask40 = async (): Promise<false | readonly boolean[]> => {
      const answers: string[] = [];
      for (const name of names) answers.push(await degradedOf(name)); // one at a time: none is refused for want of a worker
      const isStarved = answers.some((header) => /recommendations=\w+;by=brownout|no answer/.test(header));
      return !isStarved && answers.map((header) => header.includes('recommendations=off'));
    };
    const what = { what: '40 answers in which the machine was not so busy that all are degraded' };
    const [first, again] = [await eventually(ask40, what), await eventually(ask40, what)];
    const explain40 = () =>
      Promise.all(
        names.map(
          async (key) => (await (await ask('POST', 'recommendations/explanation', { key })).json()) as Explained,
        ),
      );
    const isOfShare = (all: readonly Explained[]) => all.filter(({ mode }) => mode === 'off').length < 35 && all;
    const explained = await eventually(async () => isOfShare(await explain40()), what);
    await admin('DELETE', 'recommendations', { actor: 'alice', reason: 'over' });

    expect(again).toEqual(first);
    expect(first.filter(Boolean).length).toBeGreaterThan(5);
    expect(first.filter(Boolean).length).toBeLessThan(35);
    expect(explained.map(({ mode }) => mode === 'off')).toEqual(first);
  });

  it('shows the brownout level, and why it is what it is, also to those who only look', async () => {
    const headers = { authorization: `Bearer ${viewerToken}` };
    const answer = await fetch(`${urls.admin}/brownout`, { headers });
    const { level, explanation } = (await answer.json()) as { level: number; explanation: { text: string } };

    expect(answer.status).toBe(200);
    expect(level).toBeGreaterThanOrEqual(0);
    expect(explanation.text).toMatch(/^level [\d.]+ of 4/);
  });

  it('lets those who only look change nothing', async () => {
    const answer = await admin('PUT', 'checkout', change, `Bearer ${viewerToken}`);

    expect([answer.status, await deferred()]).toEqual([403, [0]]);
  });

  it('refuses break-glass to an operator', async () => {
    const answer = await admin('PUT', 'checkout', { ...change, source: 'break-glass' });

    expect([answer.status, await deferred()]).toEqual([403, [0]]);
  });

  it('lets an override expire by itself', async () => {
    await admin('PUT', 'checkout', { ...change, expiresInMs: 200 });

    await expect.poll(deferred).toEqual([0]);
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
    ['a share above 1', { ...change, shareRatio: 25 }],
    ['a role of its own choice', { ...change, role: 'break-glass' }],
  ] as const)('answers %s with 400, says why, and changes nothing', async ([, body]) => {
    const answer = await admin('PUT', 'checkout', body);

    expect(answer.status).toBe(400);
    expect((await answer.text()).length).toBeGreaterThan(20);
    expect(await deferred()).toEqual([0]);
  });
});

describe('the shop', () => {
  it('passes on that a product does not exist, which no circuit holds against the dependency', async () => {
    const successes = async (): Promise<number> =>
      (await samples('holdfast_circuit_calls_total{name="product",verdict="success"}'))[0] ?? NaN;
    const before = await successes();
    let found404 = 0;
    for (let call = 0; call < 20; call++) if ((await fetch(`${urls.shop}/products/nothing`)).status === 404) found404++;

    expect(found404).toBeGreaterThan(10); // on a machine that is busy some calls take too long
    expect((await successes()) - before).toBeGreaterThanOrEqual(found404);
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
    await expect.poll(() => isGroupAlive(storefront)).toBe(false);
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

function ask(method: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  return fetch(`${urls.admin}/features/${path}`, { method, headers, body: JSON.stringify(body) });
}

interface Explained {
  readonly mode: string;
}

function product(shopper = 'ada'): Promise<Response> {
  return fetch(`${urls.shop}/products/p1`, { headers: { 'x-shopper': shopper } });
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
