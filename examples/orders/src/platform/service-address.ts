/**
 * Service address: where a service is reached whichever process serves it at the moment, as a platform gives one to each service.
 * It hands connections on, and knows nothing of what they carry.
 *
 *   client ──► address ──► the process that is up: new connections go to the newest, those that are open stay where they are
 *
 * Invariants
 *  (1) When one side of a connection is gone, so is the other, at once.
 *
 * @module
 */

import { once } from 'node:events';
import { type Server, type Socket, connect, createServer } from 'node:net';

import { portOf } from '../service/listening.ts';

/** The address of a service. */
export interface ServiceAddress {
  /** `127.0.0.1:40123` */
  readonly address: string;
  /** Has new connections go to this port; undefined refuses them. */
  route(port: number | undefined): void;
  close(): void;
}

/** Opens an address, behind which there is nobody yet. */
export async function openAddress(): Promise<ServiceAddress> {
  const sockets = new Set<Socket>();
  let target: number | undefined;
  const server: Server = createServer({ pauseOnConnect: true }, (near) => {
    if (target === undefined) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    for (const socket of [near, far]) sockets.add(socket.setNoDelay(true));
    join(near, far);
    join(far, near);
    near.once('close', () => sockets.delete(near));
    far.once('close', () => sockets.delete(far));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${portOf(server)}`,
    route(port) {
      target = port;
    },
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

// --- internal ---

function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => {}); // `close` follows
  from.once('close', () => to.destroy()); // (1)
}
