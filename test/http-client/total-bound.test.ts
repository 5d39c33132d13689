/**
 * Servers that stop at every phase of a call: the context bounds all of it.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { type Socket, connect } from 'node:net';
import { Readable } from 'node:stream';

import { CancelledError, Context, isTimeout } from '@holdfast/core';
import { NotEnoughTimeError } from '@holdfast/http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { clientNames, makeClient } from './clients.ts';
import { type BareServer, startBareServer, startServer } from './http-lab.ts';

/** Far less than any timeout of a client of its own, and far more than a slow machine needs. */
const TOO_LONG_MS = 5000;

let deaf: { readonly port: number; stop(): void };
let silent: BareServer;
let stalling: BareServer;

beforeAll(async () => {
  deaf = await startDeafServer();
  silent = await startBareServer((socket) => socket.resume());
  stalling = await startBareServer((socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello'));
  });
});

afterAll(async () => {
  deaf.stop();
  await silent[Symbol.asyncDispose]();
  await stalling[Symbol.asyncDispose]();
});

describe.each(clientNames)('charter G6, R2: the total bound of %s', (name) => {
  it.each([
    ['nobody accepts the connection', () => `http://127.0.0.1:${deaf.port}/`],
    ['TLS is never answered', () => `https://127.0.0.1:${silent.port}/`],
    ['the head never comes', () => `http://127.0.0.1:${silent.port}/`],
    ['the body stalls', () => `http://127.0.0.1:${stalling.port}/`],
  ])('holds where %s', async (_phase, url) => {
    await using client = makeClient(name);
    const context = Context.background.withTimeout(150);
    const startedAt = performance.now();

    const error: unknown = await client
      .call(context, url())
      .then((answer) => answer.text())
      .then(
        () => 'an answer',
        (thrown: unknown) => thrown,
      );

    expect(error).toBe(context.cause);
    expect(isTimeout(error)).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(TOO_LONG_MS);
  });

  it('charter G4, G7: gives the cause of a cancel by identity, in the middle of a body, too', async () => {
    await using client = makeClient(name);
    const context = Context.background.withCancel();
    const answer = await client.call(context, `http://127.0.0.1:${stalling.port}/`);
    const cause = new CancelledError('the user has gone');

    const reading = answer.text();
    context.cancel(cause);

    await expect(reading).rejects.toBe(cause);
  });

  it('has a signal of the caller beside the context', async () => {
    await using client = makeClient(name);
    const controller = new AbortController();
    const calling = client.call(Context.background, `http://127.0.0.1:${silent.port}/`, { signal: controller.signal });
    const reason = new Error('enough');

    controller.abort(reason);

    await expect(calling).rejects.toBe(reason);
  });

  it('has a bound of the client, where the context has none', async () => {
    await using client = makeClient(name, { timeoutMs: 100 });

    await expect(client.call(Context.background, `http://127.0.0.1:${silent.port}/`)).rejects.toSatisfy(isTimeout);
  });

  it('starts nothing under a context that has ended, or with too little time left', async () => {
    await using server = await startServer((_request, response) => response.end());
    await using client = makeClient(name, { minTimeLeftMs: 5000 });
    const ended = Context.background.withCancel();
    ended.cancel(new Error('over'));

    await expect(client.call(ended, server.url)).rejects.toThrow('over');
    await expect(client.call(Context.background.withTimeout(2000), server.url)).rejects.toThrow(NotEnoughTimeError);
    expect(server.requests).toEqual([]);
  });

  it('stops an upload', async () => {
    await using server = await startServer((request) => void request.once('data', () => {}));
    await using client = makeClient(name);
    const context = Context.background.withCancel();
    const calling = client.call(context, server.url, { method: 'PUT', body: endless(name) });
    while (server.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const cause = new Error('the user has left');

    context.cancel(cause);

    await expect(calling).rejects.toBe(cause);
    await server.answersGone();
  });
});

/** A server whose queue of connections is full: the kernel lets no other in. */
async function startDeafServer(): Promise<{ port: number; stop(): void }> {
  const program = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
    process.stdout.write(String(this.address().port));
  })`;
  const child: ChildProcess = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) => child.stdout?.once('data', (text) => resolve(Number(text))));
  child.kill('SIGSTOP');
  const fillers: Socket[] = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return {
    port,
    stop: () => {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
    },
  };
}

async function* chunks(): AsyncGenerator<Buffer> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield Buffer.alloc(65_536);
  }
}

function endless(client: string): unknown {
  const stream = Readable.from(chunks());
  return client === 'fetch' ? Readable.toWeb(stream) : stream;
}
