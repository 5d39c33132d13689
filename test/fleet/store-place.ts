/**
 * Store place: where a process of a fleet finds the server of its store, as it can be told to another process.
 *
 * @module
 */

import type { RedisClient } from '@holdfast/redis';
import { Cluster, Redis } from 'ioredis';

interface Login {
  readonly username?: string;
  readonly password?: string;
}

/** One server, or what stands before it; a master behind Sentinels; a Cluster. */
export type StorePlace =
  | ({ readonly kind: 'lone'; readonly port: number } & Login)
  | { readonly kind: 'sentinel'; readonly name: string; readonly ports: readonly number[] }
  | ({ readonly kind: 'cluster'; readonly ports: readonly number[] } & Login);

/** Makes a client for it, which has not connected yet. */
export function clientOf(place: StorePlace): RedisClient {
  switch (place.kind) {
    case 'lone': {
      const { port, username, password } = place;
      return new Redis({ port, lazyConnect: true, ...given({ username, password }) });
    }
    case 'sentinel':
      return new Redis({ name: place.name, sentinels: nodesAt(place.ports), lazyConnect: true });
    case 'cluster': {
      const { username, password } = place;
      return new Cluster(nodesAt(place.ports), { lazyConnect: true, redisOptions: given({ username, password }) });
    }
  }
}

// --- internal ---

function nodesAt(ports: readonly number[]): { host: string; port: number }[] {
  return ports.map((port) => ({ host: '127.0.0.1', port }));
}

function given(login: { username: string | undefined; password: string | undefined }): Login {
  const { username, password } = login;
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}
