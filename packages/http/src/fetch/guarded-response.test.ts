import { describe, expect, it } from 'vitest';

import { cancelBody, guardResponse } from './guarded-response.ts';

/** A response whose body says how often it was asked, and what it was cancelled with. */
function responseOf(chunks: readonly (Uint8Array | Error)[], init: ResponseInit = {}) {
  let asked = 0;
  const cancelled: unknown[] = [];
  const body = new ReadableStream(
    {
      pull(controller) {
        const chunk = chunks[asked++];
        if (chunk === undefined) controller.close();
        else if (chunk instanceof Error) controller.error(chunk);
        else controller.enqueue(chunk);
      },
      cancel: (reason) => void cancelled.push(reason),
    },
    { highWaterMark: 0 },
  );
  const response = Object.defineProperty(new Response(body, init), 'url', { value: 'http://a/b' });
  let overCount = 0;
  const guarded = guardResponse(response, () => overCount++);
  return { guarded, response, cancelled, asked: () => asked, overCount: () => overCount };
}

/** Lets everything run that is ready to. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('a guarded response', () => {
  it('(1): reads as the original', async () => {
    const headers = new Headers({ 'content-type': 'text/plain', 'x-a': '1' });
    headers.append('set-cookie', 'a=1');
    headers.append('set-cookie', 'b=2');
    const { guarded } = responseOf([bytes('hello '), bytes(''), bytes('world')], {
      status: 201,
      statusText: 'Made',
      headers,
    });

    expect([guarded.status, guarded.statusText, guarded.ok, guarded.url]).toEqual([201, 'Made', true, 'http://a/b']);
    expect([guarded.redirected, guarded.type, guarded.bodyUsed]).toEqual([false, 'default', false]);
    expect([guarded.headers.get('x-a'), guarded.headers.getSetCookie()]).toEqual(['1', ['a=1', 'b=2']]);
    const clone = guarded.clone();
    expect([clone.url, clone.clone().url, await clone.text()]).toEqual(['http://a/b', 'http://a/b', 'hello world']);
    expect([await guarded.text(), guarded.bodyUsed]).toEqual(['hello world', true]);
  });

  it('(1): takes no bytes away from others', async () => {
    const pool = bytes('0123456789');
    const { guarded } = responseOf([pool.subarray(2, 5)]);

    expect(await guarded.text()).toBe('234');
    expect(pool.byteLength).toBe(10);
  });

  it('(2): tells once when its body was read', async () => {
    const { guarded, overCount } = responseOf([bytes('hello')]);
    expect(overCount()).toBe(0);

    await guarded.text();

    expect(overCount()).toBe(1);
  });

  it('(2): tells once when its body failed', async () => {
    const error = new Error('broken');
    const { guarded, overCount } = responseOf([bytes('hello'), error]);

    await expect(guarded.text()).rejects.toBe(error);
    expect(overCount()).toBe(1);
  });

  it('(2): tells once when its body was cancelled, and cancels the original', async () => {
    const { guarded, overCount, cancelled } = responseOf([bytes('hello'), bytes('world')]);

    await guarded.body?.cancel('enough');

    expect([overCount(), cancelled]).toEqual([1, ['enough']]);
  });

  it('(2): tells at once where there is no body', () => {
    for (const response of [new Response(null, { status: 204 }), { ok: true, json: () => ({}) } as never]) {
      let overCount = 0;

      expect(guardResponse(response, () => overCount++)).toBe(response);
      expect(overCount).toBe(1);
    }
  });

  it('(2): leaves alone what nobody can make anew', () => {
    const response = { status: 700, body: new ReadableStream() } as unknown as Response;
    let overCount = 0;

    expect([guardResponse(response, () => overCount++) === response, overCount]).toEqual([true, 0]);
  });

  it('(3): reads no chunk that nobody asked for', async () => {
    const { guarded, asked } = responseOf([bytes('a'), bytes('b'), bytes('c')]);
    await turns();
    expect(asked()).toBe(0);

    const reader = guarded.body?.getReader();
    await reader?.read();
    await turns();

    expect(asked()).toBe(1);
  });

  it('fills the buffer of who brings one', async () => {
    const { guarded, overCount } = responseOf([bytes('hello')]);
    const reader = guarded.body?.getReader({ mode: 'byob' });

    const first = await reader?.read(new Uint8Array(3));
    const second = await reader?.read(new Uint8Array(3));
    const third = await reader?.read(new Uint8Array(3));

    expect([first, second].map((read) => new TextDecoder().decode(read?.value))).toEqual(['hel', 'lo']);
    expect([third?.done, overCount()]).toEqual([true, 1]);
  });
});

describe('cancelBody', () => {
  it('throws nothing, whatever it is given', () => {
    const read = new Response('x');
    read.body?.getReader();
    for (const response of [new Response(null), read, {}, new Response('x')]) cancelBody(response as Response);
    expect(read.bodyUsed).toBe(false);
  });
});
