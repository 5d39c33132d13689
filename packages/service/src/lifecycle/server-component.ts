/**
 * Server component: a server of node:http, https or http2 as a part of a service, which stops without failing a request.
 *
 *   start: listens ─► quiesce: answers, and keeps no connection ─► drain: takes no new one, answers what has come ─► close
 *
 * Invariants
 *  (1) A request that has come before the drain is answered, if its handler does so in time.
 *  (2) From quiesce on, answers ask clients to close their connections (HTTP/1.1), and sessions to go away (HTTP/2).
 *  (3) After close there is no connection left, upgraded ones included, whatever the clients do.
 *
 * @module
 */

import type { Server as HttpServer, ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';

import {
  type Clock,
  ConfigError,
  Context,
  type DrainReport,
  type InFlight,
  createInFlight,
  integerInRange,
  isName,
  systemClock,
  withKnown,
} from '@holdfast/core';

import type { Component } from './component.ts';

/** Options of {@link serverComponent}. Omitted ones take {@link serverComponentDefaults}. */
export interface ServerComponentOptions {
  /** Name of the component. @defaultValue 'http' */
  readonly name?: string;
  /** Port to listen at. Integer, 0 to 65 535; 0 takes a free one, which `server.address()` tells. */
  readonly port: number;
  /** Address to listen at; all by default. */
  readonly host?: string;
  /** Components that its requests use. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  readonly clock?: Clock;
}

/** Every default of {@link serverComponent}, in one place. */
export const serverComponentDefaults: Required<Pick<ServerComponentOptions, 'name' | 'clock'>> = Object.freeze({
  name: 'http',
  clock: systemClock,
});

/**
 * Makes a component of `server`, which must not listen yet. Add its handlers before or after.
 *
 * @throws ConfigError when `server` is none, or an option is out of range; the server's own error from start, as EADDRINUSE.
 */
export function serverComponent(server: Server, options: ServerComponentOptions): Component {
  const settings = withKnown('serverComponent', serverComponentDefaults, options, ['port', 'host', 'dependsOn']);
  if (typeof server?.listen !== 'function') throw new ConfigError('serverComponent server', 'a server', server);
  isName('serverComponent.name', settings.name);
  integerInRange('serverComponent.port', settings.port, [0, 65_535]);
  if (settings.host !== undefined) isName('serverComponent.host', settings.host);
  const stopping = new StoppingServer(server, settings.name, settings.clock);
  return {
    name: settings.name,
    dependsOn: settings.dependsOn,
    start: () => stopping.listen(settings),
    quiesce: () => stopping.quiesce(),
    drain: (context) => stopping.drain(context),
    isIdle: () => stopping.isIdle,
    close: () => stopping.close(),
  };
}

// --- internal ---

/** What an HTTP/2 session is asked. */
interface Session {
  close(): void;
  on(event: 'close', listener: () => void): unknown;
}

class StoppingServer {
  readonly #server: Server & Partial<Pick<HttpServer, 'closeIdleConnections'>>;
  readonly #inFlight: InFlight;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<Session>();
  readonly #responses = new Set<ServerResponse>();
  #isQuiet = false;
  #closed: Promise<void> | undefined = undefined;

  constructor(server: Server, name: string, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
    this.#inFlight = createInFlight({ name, clock, graceMs: 0 });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session: Session) => this.#onSession(session));
    server.prependListener('request', (_request, response: ServerResponse) => this.#onRequest(response));
  }

  /** Whether no request is under way. What was upgraded is not known here, and is not waited for. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  listen({ port, host }: { readonly port: number; readonly host?: string }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host !== undefined && { host }) }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  quiesce(): void {
    this.#isQuiet = true; // (2)
    for (const response of this.#responses) letGo(response);
    for (const session of this.#sessions) session.close(); // what they have asked is answered
  }

  async drain(context: Context): Promise<DrainReport> {
    this.quiesce();
    this.#stopListening();
    const report = await this.#inFlight.drain(context); // (1)
    this.#server.closeIdleConnections?.();
    return report;
  }

  async close(): Promise<void> {
    this.#stopListening();
    for (const socket of this.#sockets) socket.destroy(); // (3)
    await this.#closed;
  }

  // --- internal ---

  #stopListening(): void {
    this.#closed ??= new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #onSession(session: Session): void {
    this.#sessions.add(session);
    session.on('close', () => this.#sessions.delete(session));
  }

  #onRequest(response: ServerResponse): void {
    const run = this.#inFlight.begin('request', Context.withClock(this.#clock).withCancel());
    this.#responses.add(response);
    if (this.#isQuiet) letGo(response);
    response.on('close', () => {
      this.#responses.delete(response);
      this.#inFlight.end(run, !response.writableEnded);
      if (this.#closed !== undefined) this.#server.closeIdleConnections?.();
    });
  }
}

/**
 * Has the answer say that the connection ends with it: of HTTP/1.1 in its head, unless that is written, when the socket is closed
 * as soon as it is idle; of HTTP/2 by sending the session away, which still gets this answer.
 */
function letGo(response: ServerResponse & { readonly stream?: { readonly session?: Session | undefined } }): void {
  if ('stream' in response) response.stream?.session?.close();
  else if (!response.headersSent) response.shouldKeepAlive = false;
}
