/**
 * Whatever goes wrong, and whatever the policy: a POST without an idempotency key is sent once.
 *
 * @module
 */

import { Context, type Policy, hedge, pipeline, retry, timeout } from '@holdfast/core';
import { httpHedge, httpPolicies, httpRetry } from '@holdfast/http';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { clientNames, makeClient } from './clients.ts';
import { type LabHandler, type LabServer, refusingPort, startServer } from './http-lab.ts';

/** Cases of each property; the long run sets more. */
const numRuns = Math.ceil(Number(process.env['HOLDFAST_FUZZ_RUNS'] ?? 1000) / 25);

const faults = ['fine', '503', '429', 'reset', 'reset-after-body', 'stall', 'cut-body', 'redirect-to-nowhere'] as const;
type Fault = (typeof faults)[number];

let server: LabServer;
let nowhere = '';
const arrived = new Map<string, number>();

const play: Record<Fault, LabHandler> = {
  fine: (_request, response) => response.end('fine'),
  503: (_request, response) => response.writeHead(503).end(),
  429: (_request, response) => response.writeHead(429, { 'retry-after': '0' }).end(),
  reset: (request) => request.socket.resetAndDestroy(),
  'reset-after-body': (request) => request.resume().on('end', () => request.socket.destroy()),
  stall: (request) => request.resume(),
  'cut-body': (request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('some');
    setTimeout(() => request.socket.destroy(), 2);
  },
  'redirect-to-nowhere': (_request, response) => response.writeHead(303, { location: nowhere }).end(),
};

/** What a careless user may put around a call, and what a careful one does. */
const quick = { baseDelayMs: 0, maxDelayMs: 5, maxRetryRatio: Infinity, maxAttempts: 4 } as const;
const policies: Readonly<Record<string, () => Policy<unknown>>> = {
  ours: () => httpPolicies({ tryTimeoutMs: 30, retry: quick, hedge: { delayMs: 5 }, breaker: false }),
  'plain retry': () => pipeline(retry({ ...quick, isRetryable: () => true }), timeout(30)),
  'plain hedge': () =>
    pipeline(hedge({ delayMs: 3, maxAttempts: 3, maxHedgeRatio: 1, hedgeOnFailure: true }), timeout(40)),
  'hedge in retry': () => pipeline(httpRetry(quick), httpHedge(3), timeout(30)),
  'everything is a failure': () => retry({ ...quick, classify: () => 'failure', isRetryable: () => true }),
};

beforeAll(async () => {
  nowhere = `http://127.0.0.1:${await refusingPort()}/`;
  server = await startServer((request, response) => {
    const id = String(request.headers['x-id']);
    const count = arrived.get(id) ?? 0;
    arrived.set(id, count + 1);
    const plan = String(request.headers['x-plan']).split(',') as Fault[];
    play[plan[count % plan.length] ?? 'fine'](request, response);
  });
});

afterAll(() => server[Symbol.asyncDispose]());

it.each(clientNames)('charter H3: a POST of %s is sent once', { timeout: 600_000 }, async (name) => {
  let id = 0;
  const clients = new Map(Object.entries(policies).map(([key, make]) => [key, makeClient(name, { policy: make() })]));
  let withKey = 0;
  let withoutKey = 0;
  const plan = fc.array(fc.constantFrom(...faults), { minLength: 1, maxLength: 4 });

  await fc.assert(
    fc.asyncProperty(plan, fc.constantFrom(...clients.keys()), fc.boolean(), async (faultsInTurn, policy, hasKey) => {
      const headers = {
        'x-id': `${name} ${++id}`,
        'x-plan': faultsInTurn.join(','),
        ...(hasKey && { 'idempotency-key': `${id}` }),
      };
      const context = Context.background.withTimeout(150);
      const request = { method: 'POST', body: 'one coffee', headers };
      const calling = clients.get(policy)?.call(context, server.url, request);
      await calling
        ?.then(
          (answer) => answer.text(),
          () => 'failed',
        )
        .catch(() => 'cut');
      const count = arrived.get(`${name} ${id}`) ?? 0;

      if (hasKey) withKey = Math.max(withKey, count);
      else withoutKey += count;
      if (!hasKey) expect(count).toBeLessThanOrEqual(1); // none where a slow machine ran out of time before
    }),
    { numRuns },
  );

  expect(withKey).toBeGreaterThan(1); // with a key it is sent again: the faults are real
  expect(withoutKey).toBeGreaterThan(numRuns / 10);
  for (const client of clients.values()) await client[Symbol.asyncDispose]();
});
