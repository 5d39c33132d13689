/**
 * Listening: how HTTP servers of the example start on loopback and stop.
 *
 * @module
 */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Starts `server` on loopback and returns its address: `http://127.0.0.1:40123`. Port 0 takes a free one. */
export function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

/** Stops `server` at once: nobody is served any more, and open connections end. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
