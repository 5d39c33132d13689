import { EventEmitter } from 'node:events';

import { describe, expect, it } from 'vitest';

import { connecting, nodeOf } from './cluster-node.ts';
import { hashSlot } from './hash-slot.ts';
import type { OwnCluster, OwnConnection } from './redis-client.ts';

function clusterOf(status: string) {
  const node = Object.assign(new EventEmitter(), { status, options: { host: 'h', port: 1 } });
  const slots: string[][] = [];
  slots[hashSlot('a')] = ['h:1', 'h:2'];
  slots[hashSlot('b')] = ['h:3'];
  return { node, cluster: { slots, nodes: () => [node] } as unknown as OwnCluster };
}

describe('nodeOf', () => {
  it('finds the master that has the slot of a key, where it is known', () => {
    const { node, cluster } = clusterOf('ready');

    expect(nodeOf(cluster, 'a')).toBe(node);
    expect(nodeOf(cluster, '{a}:more')).toBe(node);
    expect(nodeOf(cluster, 'b')).toBeUndefined();
    expect(nodeOf(cluster, 'c')).toBeUndefined();
  });
});

describe('connecting', () => {
  it.each(['wait', 'ready', 'end'])('has nothing to wait for where the server is %s', (status) => {
    expect(connecting(clusterOf(status).cluster, 'a')).toBeUndefined();
  });

  it('has nothing to wait for without a Cluster, a key or a server', () => {
    const { cluster } = clusterOf('connecting');

    expect(connecting({ status: 'ready' } as OwnConnection, 'a')).toBeUndefined();
    expect(connecting(cluster, undefined)).toBeUndefined();
    expect(connecting(cluster, 'b')).toBeUndefined();
  });

  it.each(['ready', 'close', 'end'])('waits until the connection is %s, and leaves no listener', async (event) => {
    const { node, cluster } = clusterOf('connect');
    const waiting = Array.from({ length: 20 }, () => connecting(cluster, 'a'));
    expect(node.listenerCount('ready')).toBe(1);
    node.emit(event);

    for (const wait of waiting) await expect(wait).resolves.toBeUndefined();
    expect(node.eventNames()).toEqual([]);
  });
});
