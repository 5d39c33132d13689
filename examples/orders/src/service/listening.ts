/**
 * Listening: where a server listens.
 *
 * @module
 */

import type { Server } from 'node:net';

/** The port that a server listens at; 0 where it does not. */
export function portOf(server: Pick<Server, 'address'>): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
