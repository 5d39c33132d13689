/**
 * Retries, hedges, circuits and redirects of real requests: what is sent, what comes back, and what stays open.
 *
 * @module
 */

import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

import { Context, pipeline, retry, timeout } from '@holdfast/core';
import { defineContextSchema } from '@holdfast/context';
import {
  RequestNotRepeatableError,
  breakerPerOrigin,
  createHttpCodec,
  httpHedge,
  httpPolicies,
  httpRetry,
} from '@holdfast/http';
import { describe, expect, it } from 'vitest';

import { clientNames, makeClient } from './clients.ts';
import { refusingPort, startServer } from './http-lab.ts';

/** Far more than any socket buffers: an answer that is not read stays on its connection. */
const large = Buffer.alloc(4_000_000, 'x');
const fast = { baseDelayMs: 1, maxDelayMs: 2000, maxRetryRatio: Infinity } as const;

describe.each(clientNames)('answers of %s', (name) => {
  it('charter H2: that are retried are thrown away, and the last one is the caller’s, whatever it is', async () => {
    await using server = await startServer((_request, response) => response.writeHead(503).end(large));
    await using client = makeClient(name, { policy: httpRetry(fast) });
    const context = Context.background.withCancel();

    const answer = await client.call(context, server.url);

    expect([answer.status, server.requests.length]).toEqual([503, 3]);
    await server.answersGone(1);
    expect((await answer.text()).length).toBe(large.length);
    context.cancel();
  });

  it('that nobody reads hold no connection once the context has ended', async () => {
    await using server = await startServer((_request, response) => response.end(large));
    await using client = makeClient(name);
    const context = Context.background.withCancel();
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => client.call(context, server.url)));
    expect([answers.length, server.openAnswers]).toEqual([5, 5]);

    context.cancel();

    await server.answersGone();
  });

  it('charter G7: that lost against a hedge are aborted, and the winner’s is read to its end', async () => {
    const slow: ServerResponse[] = [];
    await using server = await startServer((_request, response) => {
      if (server.requests.length === 1) slow.push(response);
      else response.write(large.subarray(1), () => setTimeout(() => response.end('y'), 50));
    });
    await using client = makeClient(name, { policy: pipeline(httpHedge(20), timeout(10_000)) });
    const context = Context.background.withCancel();

    const answer = await client.call(context, server.url);
    await server.answersGone(1);
    const text = await answer.text();

    expect([text.length, text.at(-1), server.requests.length]).toEqual([large.length, 'y', 2]);
    expect(slow[0]?.writableEnded).toBe(false);
    context.cancel();
  });

  it('that come when the call has settled are thrown away', async () => {
    await using server = await startServer((_request, response) => {
      if (server.requests.length === 1) response.writeHead(500).write(large);
      else response.end('fine');
    });
    const policy = httpHedge({ delayMs: 5000, hedgeOnFailure: true });
    await using client = makeClient(name, { policy });

    const answer = await client.call(Context.background, server.url);

    expect([answer.status, await answer.text()]).toEqual([200, 'fine']);
    await server.answersGone(1);
  });

  it('charter P1: of an origin open only the circuit of that origin', async () => {
    await using broken = await startServer((_request, response) => response.writeHead(500).end());
    await using sound = await startServer((_request, response) => response.end('fine'));
    const breaker = breakerPerOrigin({ minimumCalls: 5, window: { kind: 'count', size: 10 } });
    await using client = makeClient(name, { policy: breaker });
    const statuses: unknown[] = [];

    for (let i = 0; i < 6; i++)
      statuses.push(
        await client.call(Context.background, broken.url).then(
          async (answer) => {
            await answer.text();
            return answer.status;
          },
          (error: unknown) => (error as { code: string }).code,
        ),
      );

    expect(statuses).toEqual([500, 500, 500, 500, 500, 'CIRCUIT_OPEN']);
    const answer = await client.call(Context.background, sound.url);
    expect(await answer.text()).toBe('fine');
    expect([breaker.get(broken.url)?.state, breaker.get(sound.url)?.state]).toEqual(['open', 'closed']);
  });

  it('charter F2: that are the caller’s fault open none, and are not retried', async () => {
    await using server = await startServer((_request, response) => response.writeHead(404).end());
    await using client = makeClient(name, { policy: httpPolicies({ breaker: { minimumCalls: 2 } }) });

    for (let i = 0; i < 5; i++) expect((await client.call(Context.background, server.url)).status).toBe(404);

    expect(server.requests.length).toBe(5);
  });

  it.each([
    ['seconds', () => ({ 'retry-after': '1' })],
    [
      'a date, by the server’s own clock',
      () => ({ date: 'Sun, 06 Nov 1994 08:49:36 GMT', 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }),
    ],
  ])('charter H5: that ask to wait are waited for: %s', async (_form, headers) => {
    const times: number[] = [];
    await using server = await startServer((_request, response) => {
      times.push(performance.now());
      if (times.length === 1) response.writeHead(429, headers()).end();
      else response.end('fine');
    });
    await using client = makeClient(name, { policy: httpRetry(fast) });

    const answer = await client.call(Context.background, server.url);

    expect(await answer.text()).toBe('fine');
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(980);
  });

  it('charter H5: that ask to wait for longer than there is time come back at once', async () => {
    await using server = await startServer((_request, response) =>
      response.writeHead(503, { 'retry-after': '20' }).end(),
    );
    await using client = makeClient(name, { policy: httpRetry(fast) });
    const context = Context.background.withTimeout(19_000);

    const answer = await client.call(context, server.url);

    expect([answer.status, context.cancelled, server.requests.length]).toEqual([503, false, 1]);
  });

  it('charter H3: of a POST are not asked for twice, whatever the policy', async () => {
    await using server = await startServer((_request, response) => response.writeHead(503).end());
    const ours = makeClient(name, { policy: httpRetry(fast) });
    const plain = makeClient(name, {
      policy: retry({ ...fast, classify: ({ status }) => (status === 'fulfilled' ? 'failure' : 'ignored') }),
    });

    const answer = await ours.call(Context.background, server.url, { method: 'POST', body: 'x' });
    expect([answer.status, server.requests.length]).toEqual([503, 1]);

    server.forget();
    const calling = plain.call(Context.background, server.url, { method: 'POST', body: 'x' });
    await expect(calling).rejects.toThrow(RequestNotRepeatableError);
    expect(server.requests.length).toBe(1);

    server.forget();
    const headers = { 'Idempotency-Key': 'a' };
    await ours.call(Context.background, server.url, { method: 'POST', body: 'x', headers });
    await ours.call(Context.background, server.url, { method: 'POST', body: 'x', idempotent: true });
    expect(server.requests.length).toBe(6);

    server.forget();
    await ours.call(Context.background, server.url, { idempotent: false });
    expect(server.requests.length).toBe(1);
    await ours[Symbol.asyncDispose]();
    await plain[Symbol.asyncDispose]();
  });

  it('charter H1: of a request with a stream are asked for once, and with a function that makes one, again', async () => {
    const bodies: string[] = [];
    await using server = await startServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        bodies.push(body);
        response.writeHead(503).end();
      });
    });
    await using client = makeClient(name, { policy: httpRetry(fast) });
    const stream = (): unknown => {
      const readable = Readable.from([Buffer.from('some '), Buffer.from('text')]);
      return name === 'fetch' ? Readable.toWeb(readable) : readable;
    };

    const once = await client.call(Context.background, server.url, { method: 'PUT', body: stream() });
    expect([once.status, bodies]).toEqual([503, ['some text']]);

    const again = await client.call(Context.background, server.url, { method: 'PUT', body: stream });
    expect([again.status, bodies.length, new Set(bodies)]).toEqual([503, 4, new Set(['some text'])]);
  });

  it('of a POST that nobody accepts are asked for again', async () => {
    const port = await refusingPort();
    const server = createServer((_request, response) => response.end('fine'));
    await using client = makeClient(name, { policy: httpRetry({ ...fast, baseDelayMs: 100, backoff: 'fixed' }) });
    const calling = client.call(Context.background, `http://127.0.0.1:${port}`, { method: 'POST', body: 'x' });
    setTimeout(() => server.listen(port, '127.0.0.1'), 30);

    expect(await (await calling).text()).toBe('fine');
    expect((server.address() as AddressInfo).port).toBe(port);
    server.close();
    server.closeAllConnections();
  });
});

describe.each(clientNames)('what %s tells', (name) => {
  const schema = defineContextSchema({ version: '1.0', fields: { region: { type: 'text' } } });
  const codec = createHttpCodec({ schema, send: 'all' });
  const inTime = (): Context => Context.background.withTimeout(30_000).withValue(schema.keys.region, 'eu');

  it('is no more time than there is', async () => {
    await using server = await startServer((_request, response) => response.end());
    await using client = makeClient(name);

    for (let i = 0; i < 20; i++) {
      const own = Context.background.withTimeout(9000 + i * 37.3);
      await (await client.call(own, server.url)).text();
    }

    const told = server.requests.map(({ headers }) => Number.parseFloat(String(headers['x-request-timeout'])));
    expect(told).toHaveLength(20);
    for (const [i, ms] of told.entries()) expect(ms).toBeLessThanOrEqual(9000 + i * 37.3);
    expect(told.every((ms) => ms > 0)).toBe(true);
  });

  it('goes to the origin that was called, and to none that it redirects to', async () => {
    await using away = await startServer((_request, response) => response.end('away'));
    await using server = await startServer((request, response) => {
      const location = request.url === '/away' ? `${away.url}/here` : '/here';
      if (request.url === '/here') response.end('here');
      else response.writeHead(307, { location }).end();
    });
    await using client = makeClient(name, { codec });
    await using trusting = makeClient(name, { codec, propagateTo: [server.url, away.url] });
    const headers = { authorization: 'secret' };
    const seen = (request: { headers: NodeJS.Dict<string | string[]> } | undefined): unknown[] =>
      ['x-context-region', 'authorization'].map((each) => request?.headers[each]);

    expect(await (await client.call(inTime(), `${server.url}/near`, { headers })).text()).toBe('here');
    expect(await (await client.call(inTime(), `${server.url}/away`, { headers })).text()).toBe('away');
    expect(server.requests.map(seen)).toEqual([
      ['eu', 'secret'],
      ['eu', 'secret'],
      ['eu', 'secret'],
    ]);
    expect(away.requests.map(seen)).toEqual([[undefined, undefined]]);
    expect(away.requests[0]?.headers['x-request-timeout']).toBeUndefined();

    await (await trusting.call(inTime(), `${server.url}/away`, { headers })).text();
    expect(seen(away.requests[1])).toEqual(['eu', undefined]);
  });

  it('goes to no origin that propagateTo does not name', async () => {
    await using server = await startServer((_request, response) => response.end());
    await using client = makeClient(name, { codec, propagateTo: ['https://orders.internal'] });

    await (await client.call(inTime(), server.url)).text();

    expect(server.requests[0]?.headers).not.toHaveProperty('x-context-region');
    expect(server.requests[0]?.headers).not.toHaveProperty('x-request-timeout');
  });
});
