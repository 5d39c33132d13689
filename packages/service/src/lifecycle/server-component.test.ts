import { once } from 'node:events';
import { Agent, type IncomingMessage, type Server, createServer, get } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';

import { Context, type DrainReport } from '@holdfast/core';
import { afterEach, describe, expect, it } from 'vitest';

import type { Component } from './component.ts';
import { serverComponent } from './server-component.ts';

const soon = (ms = 5000): Context => Context.background.withTimeout(ms);
const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** A server whose requests are answered when the test says so, and a client that keeps its connections. */
async function subject() {
  const waiting: { readonly url: string | undefined; answer(): void }[] = [];
  const server = createServer((request, response) => {
    if (request.url === '/now') response.end('now');
    else waiting.push({ url: request.url, answer: () => response.end('late') });
  });
  const part = serverComponent(server, { port: 0, host: '127.0.0.1' });
  await part.start?.(soon());
  const agent = new Agent({ keepAlive: true });
  cleanUps.push(
    () => agent.destroy(),
    () => part.close?.(soon()),
  );
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string): Promise<IncomingMessage> => {
    const request = get({ port, path, agent, host: '127.0.0.1' });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    await once(response, 'end');
    return response;
  };
  const arrived = async (count: number): Promise<void> => {
    while (waiting.length < count) await once(server, 'request');
  };
  return { server, part, ask, waiting, arrived, port };
}

describe('serverComponent', () => {
  it('(1) answers what has come before the drain, and takes nothing new', async () => {
    const { part, ask, waiting, arrived, port } = await subject();
    expect(part.isIdle?.()).toBe(true);
    const answered = ask('/slow');
    await arrived(1);
    const draining = part.drain?.(soon()) as Promise<DrainReport>;
    const refused = connect({ port, host: '127.0.0.1' });
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    waiting[0]?.answer();

    expect((await answered).statusCode).toBe(200);
    expect(await draining).toMatchObject({
      isComplete: true,
      finished: [{ name: 'request', count: 1, failedCount: 0 }],
    });
  });

  it('(1) tells how many requests it had to leave, and how old they are', async () => {
    const { part, ask, arrived } = await subject();
    const broken = ask('/slow').catch((error: NodeJS.ErrnoException) => error.code);
    await arrived(1);
    const report = (await part.drain?.(soon(20))) as DrainReport;

    expect(report).toMatchObject({ isComplete: false, abandoned: [{ name: 'request' }] });
    expect(report.error?.message).toBe('http is drained and left 1 behind: request');
    await part.close?.(soon());
    expect(await broken).toBe('ECONNRESET');
  });

  it('(2) keeps connections until it is quiesced, and then no more', async () => {
    const { part, ask, waiting, arrived } = await subject();
    expect((await ask('/now')).headers.connection).toBe('keep-alive');
    const before = ask('/slow');
    await arrived(1);
    part.quiesce?.();
    waiting[0]?.answer();

    expect((await before).headers.connection).toBe('close'); // it had come before
    expect((await ask('/now')).headers.connection).toBe('close');
  });

  it('(2) sends HTTP/2 sessions away, and answers what they have asked', async () => {
    const server = createHttp2Server((request, response) => {
      if (request.url === '/slow') setImmediate(() => response.end('late'));
      else response.end('now');
    });
    const part: Component = serverComponent(server, { port: 0, host: '127.0.0.1', name: 'h2' });
    await part.start?.(soon());
    const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    cleanUps.push(
      () => client.destroy(),
      () => part.close?.(soon()),
    );
    const idle = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    cleanUps.push(() => idle.destroy());
    await once(idle, 'remoteSettings'); // the server knows it
    const idleWentAway = once(idle, 'goaway');
    const wentAway = once(client, 'goaway');
    const stream = client.request({ ':path': '/slow' });
    stream.resume();
    await once(server, 'request');
    part.quiesce?.();
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    await once(stream, 'end');
    await wentAway;
    await idleWentAway;

    expect(headers[':status']).toBe(200);

    const late = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`); // until the drain it is served
    cleanUps.push(() => late.destroy());
    const lateWentAway = once(late, 'goaway');
    const lateStream = late.request({ ':path': '/now' });
    lateStream.resume();
    const [lateHeaders] = (await once(lateStream, 'response')) as [Record<string, unknown>];
    await lateWentAway;
    expect(lateHeaders[':status']).toBe(200);
    expect(await part.drain?.(soon())).toMatchObject({ isComplete: true });
  });

  it('(3) leaves no connection after close: idle, upgraded or silent', async () => {
    const { server, part, ask, port } = await subject();
    server.on('upgrade', (_request, socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    });
    await ask('/now');
    const silent = connect({ port, host: '127.0.0.1' });
    const upgraded = connect({ port, host: '127.0.0.1' });
    upgraded.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await once(upgraded, 'data');
    const ended = Promise.all(
      [silent, upgraded].map((socket) =>
        once(
          socket.on('error', () => {}),
          'close',
        ),
      ),
    );
    await part.drain?.(soon());
    await part.close?.(soon());
    await ended;

    expect(server.listening).toBe(false);
    await part.close?.(soon()); // again
  });

  it('rejects its start with the error of the server', async () => {
    const { port } = await subject();
    const second = serverComponent(createServer(), { port, host: '127.0.0.1' });

    await expect(second.start?.(soon())).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it.each([
    [undefined, { port: 1 }, 'serverComponent server must be a server'],
    [createServer(), { port: 70_000 }, 'serverComponent.port must be an integer from 0 to 65535'],
    [createServer(), {}, 'serverComponent.port must be an integer'],
    [createServer(), { port: 1, host: '' }, 'serverComponent.host must be a non-empty string'],
    [createServer(), { port: 1, name: '' }, 'serverComponent.name must be a non-empty string'],
    [createServer(), { port: 1, path: '/' }, 'serverComponent has no option "path"'],
  ])('refuses %o with %j', (server, options, message) => {
    expect(() => serverComponent(server as Server, options as { port: number })).toThrow(message);
  });
});
