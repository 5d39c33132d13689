/**
 * HTTP lab: real servers that count what they get and which connections are open, and servers that stop somewhere.
 *
 * @module
 */

import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, createServer as createNetServer } from 'node:net';

import { eventually } from '../redis-lab/eventually.ts';

/** A server of HTTP. */
export interface LabServer extends AsyncDisposable {
  /** `http://127.0.0.1:1234`. */
  readonly url: string;
  /** The requests that it got, in order. */
  readonly requests: readonly LabRequest[];
  /** Connections that are open, idle ones included: undici opens one in place of one that it broke off. */
  readonly openSockets: number;
  /** Answers that are under way: each holds a connection. */
  readonly openAnswers: number;
  /** Waits until at most `count` answers are under way. */
  answersGone(count?: number): Promise<void>;
  /** Forgets the requests so far. */
  forget(): void;
}

/** A request that a server got. */
interface LabRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Answers a request. */
export type LabHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Starts a server of HTTP. */
export async function startServer(handler: LabHandler): Promise<LabServer> {
  const requests: LabRequest[] = [];
  let openAnswers = 0;
  const server: Server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    requests.push({ method, path: url, headers });
    openAnswers++;
    response.on('error', () => {}).on('close', () => openAnswers--);
    handler(request, response);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get openSockets() {
      return sockets.size;
    },
    get openAnswers() {
      return openAnswers;
    },
    answersGone: (count = 0) => gone(() => openAnswers <= count, `at most ${count} answers under way`),
    forget: () => void requests.splice(0),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What a server of the network does with each connection. */
export interface BareServer extends AsyncDisposable {
  readonly port: number;
  /** Connections that it has seen. */
  readonly connectionCount: number;
}

/** Starts a server that speaks no protocol but what `onSocket` does. */
export async function startBareServer(onSocket: (socket: Socket) => void): Promise<BareServer> {
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  const server = createNetServer((socket) => {
    connectionCount++;
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get connectionCount() {
      return connectionCount;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Returns a port of 127.0.0.1 on which nobody listens. */
export async function refusingPort(): Promise<number> {
  const server = await startBareServer(() => {});
  const { port } = server;
  await server[Symbol.asyncDispose]();
  return port;
}

// --- internal ---

async function gone(look: () => boolean, what: string): Promise<void> {
  await eventually(look, { what });
}
