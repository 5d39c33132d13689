import { describe, expect, it } from 'vitest';

import { ApiProblem, createAdminClient, pathOf } from './admin-client.ts';

const base = 'http://127.0.0.1:9090/admin/';

function clientThatGets(response: Response | Error) {
  const asked: { url: string; init: RequestInit }[] = [];
  const client = createAdminClient(base, 'a-token', (url, init) => {
    asked.push({ url, init });
    return response instanceof Error ? Promise.reject(response) : Promise.resolve(response);
  });
  return { client, asked };
}

describe('createAdminClient', () => {
  it('(1) asks below the address that the page came from, with the token, whatever an id holds', async () => {
    const { client, asked } = clientThatGets(Response.json({ ok: true }));

    await client.ask('PUT', pathOf('circuits', '//evil.test/../a b@c', '/hold'), { state: 'open' });

    const { url, init } = asked[0] ?? {};
    expect(new URL(url ?? '').href).toBe(`${base}circuits/%2F%2Fevil.test%2F..%2Fa%20b%40c/hold`);
    expect(init).toMatchObject({ method: 'PUT', body: '{"state":"open"}' });
    expect(init?.headers).toEqual({ Authorization: 'Bearer a-token', 'Content-Type': 'application/json' });
  });

  it('(2) tells what was refused in the words of the service', async () => {
    const body = { detail: 'nobody holds it', code: 'NOT_HELD' };
    const { client } = clientThatGets(Response.json(body, { status: 409, headers: { 'Retry-After': '2' } }));

    const problem = await client.ask('DELETE', 'circuits/a/hold', {}).catch((error: unknown) => error);

    expect(problem).toBeInstanceOf(ApiProblem);
    expect(problem).toMatchObject({ message: 'nobody holds it', status: 409, code: 'NOT_HELD', retryAfterMs: 2000 });
  });

  it('(2) says so when the answer is no problem of the service, or there is none', async () => {
    const strange = clientThatGets(new Response('<h1>Bad gateway</h1>', { status: 502 })).client;
    const silent = clientThatGets(new TypeError('fetch failed')).client;

    await expect(strange.ask('GET', '')).rejects.toMatchObject({
      status: 502,
      code: 'UNKNOWN',
      retryAfterMs: undefined,
    });
    await expect(silent.ask('GET', '')).rejects.toMatchObject({ status: 0, code: 'NO_ANSWER' });
  });

  it('asks for the stream after the last event that was heard', async () => {
    const { client, asked } = clientThatGets(new Response('event: hello\ndata: {}\n\n'));

    await client.watch('run-7', new AbortController().signal);

    expect(asked[0]).toMatchObject({ url: `${base}events`, init: { headers: { 'Last-Event-ID': 'run-7' } } });
  });
});
