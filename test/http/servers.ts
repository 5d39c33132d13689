/**
 * Servers: the same small service on each of the frameworks, listening for real, each with its own request contexts.
 *
 * @module
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { createAdaptorServer } from '@hono/node-server';
import type { Context } from '@holdfast/core';
import {
  contextOf,
  createRequestContexts,
  eventsResponse,
  type RequestContexts,
  type RequestContextsOptions,
  sendEvents,
  type StreamEnding,
  type StreamSource,
} from '@holdfast/http';
import { requestContexts as expressContexts, requestErrors } from '@holdfast/http/express';
import { requestContexts as fastifyContexts } from '@holdfast/http/fastify';
import { requestContexts as honoContexts } from '@holdfast/http/hono';
import { handleRequests } from '@holdfast/http/node';
import express from 'express';
import Fastify from 'fastify';
import { Hono } from 'hono';

/** What the service does. */
export interface Work {
  /** Answers whatever is asked for. */
  readonly answer: (context: Context, path: string, bytes?: number) => string | Promise<string>;
  /** Gives the events of `/events`. */
  readonly events?: StreamSource<string>;
  /** Told how a stream of events has ended. */
  readonly onStreamEnd?: (ending: StreamEnding) => void;
}

/** A service that listens. */
export interface LiveServer {
  readonly port: number;
  readonly url: string;
  readonly server: HttpServer | Http2Server;
  readonly requests: RequestContexts;
  close(): Promise<void>;
}

/** A service that does not listen yet. */
export interface QuietServer {
  readonly server: HttpServer | Http2Server;
  readonly requests: RequestContexts;
  /** Ends what is not the server's own. */
  end(): Promise<unknown>;
}

/** The frameworks. */
export type Kind = 'node' | 'node http2' | 'fastify' | 'express' | 'hono';

/** Those that speak HTTP/1.1. */
export const kinds: readonly Exclude<Kind, 'node http2'>[] = ['node', 'fastify', 'express', 'hono'];

/** Starts the service on `kind`, at a free port. */
export async function startServer(kind: Kind, work: Work, options: RequestContextsOptions = {}): Promise<LiveServer> {
  const made = await makeServer(kind, work, options);
  const { server, requests } = made;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    server,
    requests,
    close: async () => {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
      await made.end();
    },
  };
}

/** Makes the service on `kind`. */
export async function makeServer(kind: Kind, work: Work, options: RequestContextsOptions = {}): Promise<QuietServer> {
  const requests = createRequestContexts(options);
  return { requests, ...(await makers[kind](requests, work)) };
}

// --- internal ---

type Made = Omit<QuietServer, 'requests'>;

const nothing = async (): Promise<void> => {};

const makers: Readonly<Record<Kind, (requests: RequestContexts, work: Work) => Made | Promise<Made>>> = {
  node: (requests, work) => {
    const handler = (context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> =>
      answerOn(context, request, response, work);
    return { server: createServer(handleRequests(requests, handler)), end: nothing };
  },
  'node http2': (requests, work) => {
    const server = createHttp2Server();
    server.on(
      'request',
      handleRequests(requests, (context, request, response) => answerOn(context, request, response, work)),
    );
    return { server, end: nothing };
  },
  fastify: async (requests, work) => {
    const app = Fastify({ forceCloseConnections: true });
    await app.register(fastifyContexts, { requests });
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text));
    app.get('/events', async (request, reply) => {
      reply.hijack();
      const ending = await sendEvents(contextOf(request), reply.raw, work.events as StreamSource<string>);
      work.onStreamEnd?.(ending);
    });
    // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Fastify takes promises
    app.all('/*', async (request) => work.answer(contextOf(request), request.url));
    await app.ready();
    return { server: app.server, end: () => app.close() };
  },
  express: (requests, work) => {
    const app = express();
    app.use(expressContexts(requests));
    app.use(express.json());
    // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 takes promises
    app.get('/events', async (request, response) => {
      const ending = await sendEvents(contextOf(request), response, work.events as StreamSource<string>);
      work.onStreamEnd?.(ending);
    });
    // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 takes promises
    app.use(async (request, response) => {
      response.send(await work.answer(contextOf(request), request.url));
    });
    app.use(requestErrors(requests));
    app.use((_error: unknown, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
      response.status(500).send('theirs');
    });
    return { server: createServer(app), end: nothing };
  },
  hono: (requests, work) => {
    const app = new Hono();
    app.use(honoContexts(requests));
    app.onError((_error, c) => c.text('theirs', 500));
    app.get('/events', (c) => {
      const { onStreamEnd } = work;
      const options = onStreamEnd === undefined ? {} : { onEnd: onStreamEnd };
      return eventsResponse(contextOf(c), work.events as StreamSource<string>, options);
    });
    app.all('*', async (c) => {
      if (c.req.raw.body !== null) await c.req.text();
      return c.text(await work.answer(contextOf(c), new URL(c.req.url).pathname));
    });
    return { server: createAdaptorServer({ fetch: app.fetch }) as HttpServer, end: nothing };
  },
};

interface AnyRequest extends AsyncIterable<unknown> {
  readonly url?: string | undefined;
}

type AnyResponse = Parameters<typeof sendEvents>[1];

async function answerOn(context: Context, request: AnyRequest, response: AnyResponse, work: Work): Promise<void> {
  const path = request.url ?? '/';
  if (path === '/events') {
    const ending = await sendEvents(context, response, work.events as StreamSource<string>);
    work.onStreamEnd?.(ending);
    return;
  }
  let bytes = 0;
  for await (const chunk of request) bytes += String(chunk).length;
  response.end(await work.answer(context, path, bytes));
}
