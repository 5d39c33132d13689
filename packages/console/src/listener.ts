/**
 * Listener: the endpoint's own server.
 *
 * Invariants
 *  (1) Closing lets requests under way be answered, and ends every other connection at once.
 *  (2) Closing ends, whatever clients do: a request under way has deadlines of its own.
 *
 * @module
 */

import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import type { RequestHandler } from './endpoint.ts';

/** Where a listener listens, and how long it waits for requests. */
export interface ListenerParts {
  readonly handler: RequestHandler;
  readonly host: string;
  readonly port: number;
  readonly bodyTimeoutMs: number;
}

/** Where a listener is. */
export interface ListenerAddress {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
}

/** A server that can be closed while clients keep their connections. */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #server: Server;
  /** All connections, each with its answers under way. */
  readonly #connections = new Map<Socket, Set<ServerResponse>>();
  #listening: Promise<ListenerAddress> | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    const requestTimeout = HEADERS_TIMEOUT_MS + parts.bodyTimeoutMs + SLACK_MS;
    this.#server = createServer(
      { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout, connectionsCheckingInterval: 1000, keepAliveTimeout: 5000 },
      (request, response) => this.#serve(request, response),
    );
    this.#server.on('connection', (socket) => {
      this.#connections.set(socket, new Set());
      socket.on('close', () => this.#connections.delete(socket));
    });
  }

  listen(): Promise<ListenerAddress> {
    if (this.#closing !== undefined) return Promise.reject(new Error('the admin endpoint is closed'));
    this.#listening ??= this.#start();
    return this.#listening;
  }

  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  #start(): Promise<ListenerAddress> {
    const { host, port } = this.#parts;
    return new Promise((resolve, reject) => {
      this.#server.on('error', reject);
      this.#server.listen({ host, port }, () => {
        const { port: actualPort } = this.#server.address() as AddressInfo;
        resolve({ url: `http://${host.includes(':') ? `[${host}]` : host}:${actualPort}`, port: actualPort });
      });
    });
  }

  async #stop(): Promise<void> {
    try {
      await this.#listening;
    } catch {
      return; // it never listened, as whoever called listen() was told
    }
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [socket, responses] of this.#connections) {
      if (responses.size === 0) socket.destroy(); // (1)
      for (const response of responses) response.shouldKeepAlive = false;
    }
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const responses = this.#connections.get(socket);
    responses?.add(response);
    if (this.#closing !== undefined) response.shouldKeepAlive = false;
    response.on('close', () => {
      responses?.delete(response);
      if (responses?.size === 0 && this.#closing !== undefined) socket.destroySoon(); // (1)
    });
    this.#parts.handler(request, response);
  }
}

// --- internal ---

const HEADERS_TIMEOUT_MS = 5000;

/** The body's own deadline comes first, so that the client is told; this one ends what escapes it. */
const SLACK_MS = 2000;
