/**
 * Cluster node: the server of a Cluster that has a key, and whether it can be asked yet.
 *
 * The client connects to a server with the first command for it, and refuses those that follow until it has.
 *
 * @module
 */

import { hashSlot } from './hash-slot.ts';
import type { ClusterNode, OwnCluster, OwnConnection } from './redis-client.ts';

/** Returns the server that has the hash slot of `key`, as far as that is known. */
export function nodeOf(cluster: OwnCluster, key: string): ClusterNode | undefined {
  const address = cluster.slots[hashSlot(key)]?.[0];
  return cluster.nodes('all').find((node) => addressOf(node) === address);
}

/** The address of a server, as the client has it. */
export function addressOf({ options: { host, port } }: ClusterNode): string {
  return `${host}:${port}`;
}

/**
 * Resolves once the connection to the server that has `key` stands, or has failed; undefined where there is nothing to wait for:
 * it stands, it is made by the next command, or there is no Cluster.
 */
export function connecting(connection: OwnConnection | OwnCluster, key: string | undefined): Promise<void> | undefined {
  const node = key !== undefined && 'slots' in connection ? nodeOf(connection, key) : undefined;
  if (node === undefined || !['connecting', 'connect'].includes(node.status)) return undefined;
  const known = waits.get(node);
  if (known !== undefined) return known;
  const wait = settled(node).finally(() => waits.delete(node));
  waits.set(node, wait);
  return wait;
}

// --- internal ---

/** One for all who wait for a server: clients warn of many listeners. */
const waits = new WeakMap<ClusterNode, Promise<void>>();

const settling = ['ready', 'close', 'end'] as const;

function settled(node: ClusterNode): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      for (const event of settling) node.off(event, settle);
      resolve();
    };
    for (const event of settling) node.on(event, settle);
  });
}
