/**
 * Cancel request: asks the server to stop what a connection does, by the protocol's own request.
 *
 *   connect to the same address ── (TLS, as the pool has it) ──► process id + secret ──► the server signals, then closes
 *
 * It goes over a connection of its own, that takes no place in the pool and none of the server's connections, and needs no
 * password. The secret names one connection and no other, even where the server gave its process id to somebody else.
 *
 * Invariants
 *  (1) Once `closed` has resolved, the request has done what it can do: it hits nothing that is sent after that.
 *  (2) A request that is given up is torn down; it may still do its work on the way.
 *
 * Source: PostgreSQL documentation, "Canceling Requests in Progress",
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS.
 *
 * @module
 */

import { Socket } from 'node:net';

import type { CheckedOutClient, IdleClient, PgPool } from './pg-client.ts';

/** A request under way. */
export interface CancelRequest {
  /** Resolves when the server has closed the connection, or it failed. Never rejects. */
  readonly closed: Promise<void>;
  giveUp(): void;
}

/** Sends a request to stop what `client` does; undefined where the server gave no key to do so. */
export function sendCancelRequest(pool: PgPool, client: CheckedOutClient): CancelRequest | undefined {
  const { processID, secretKey } = client;
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return undefined;

  const { host, port, ssl, sslNegotiation, connection } = clientFor(pool, client);
  const ask = (): void => connection.cancel(processID, secretKey);
  const closed = new Promise<void>((resolve) => {
    connection.on('connect', () => {
      if (ssl === undefined || ssl === false) ask();
      else if (sslNegotiation !== 'direct') connection.requestSsl();
    });
    connection.on('sslconnect', ask);
    connection.on('error', () => connection.stream.destroy());
    connection.on('end', resolve);
  });
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
  else connection.connect(port, host);
  return { closed, giveUp: () => connection.stream.destroy() };
}

// --- internal ---

/** A client of the pool's own kind, not connected: so TLS, addresses and sockets are what the pool's are. */
function clientFor(pool: PgPool, target: CheckedOutClient): IdleClient {
  const { Client } = pool as unknown as { readonly Client: new (options: object) => IdleClient };
  const { remoteAddress, remotePort } = target.connection?.stream ?? {};
  const hasOwnStream = (pool.options as { readonly stream?: unknown }).stream !== undefined;
  if (hasOwnStream || remoteAddress === undefined || remotePort === undefined) return new Client(pool.options);
  return new Client({ ...pool.options, stream: () => socketTo(remotePort, remoteAddress) });
}

/** A socket that connects to one address, whatever it is told: a name may stand for several servers. */
function socketTo(port: number, host: string): Socket {
  const socket = new Socket();
  const connect = socket.connect.bind(socket) as (to: { readonly port: number; readonly host: string }) => Socket;
  return Object.assign(socket, { connect: () => connect({ port, host }) });
}
