import { describe, expect, it } from 'vitest';

import { virtualClock } from '@holdfast/core/testing';

import { ApiProblem, type Fetch, createAdminClient, pathOf } from './admin-client.ts';

const base = 'http://127.0.0.1:9090/admin/';

function clientThatGets(response: Response | Error | 'nothing') {
  const asked: { url: string; init: RequestInit }[] = [];
  const clock = virtualClock();
  const fetch: Fetch = (url, init) => {
    asked.push({ url, init });
    if (response === 'nothing')
      return new Promise((_resolve, reject) =>
        init.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))),
      );
    return response instanceof Error ? Promise.reject(response) : Promise.resolve(response);
  };
  const after = (ms: number, then: () => void) => {
    const timer = clock.setTimer(then, ms);
    return () => timer.cancel();
  };
  return { client: createAdminClient({ base, token: 'a-token', fetch, after }), asked, clock };
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

  it('(3) says in time that nothing was answered, and whether something may have been changed', async () => {
    for (const [method, advice] of [
      ['GET', ''],
      ['PUT', ' It may have been done all the same: look before you try again.'],
    ] as const) {
      const { client, clock } = clientThatGets('nothing');
      const asking = client.ask(method, 'circuits').catch((error: unknown) => error);
      await clock.advance(19_999);
      expect(clock.pendingCount).toBe(1);
      await clock.advance(1);

      expect(await asking).toMatchObject({ message: `The service did not answer within 20 s.${advice}`, status: 0 });
    }
    const { client } = clientThatGets(new Error('gone'));
    await expect(client.ask('PUT', 'circuits')).rejects.toThrow('It may have been done all the same');
  });

  it('(2) takes what is no JSON for no API, and not for an answer', async () => {
    const { client, clock } = clientThatGets(new Response('<h1>Please log in</h1>', { status: 200 }));

    await expect(client.ask('GET', '')).rejects.toMatchObject({
      name: 'ApiProblem',
      message: 'What answered is no Holdfast admin API.',
    });
    expect(clock.pendingCount).toBe(0);
  });
});
