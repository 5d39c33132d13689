import { describe, expect, it, onTestFinished } from 'vitest';

import { type ClusterTopologyOptions, startClusterTopology } from './cluster-topology.ts';

async function start(options?: ClusterTopologyOptions) {
  const topology = await startClusterTopology(options);
  onTestFinished(() => topology.stop());
  return topology;
}

describe('a cluster', () => {
  it('of three masters serves every slot, and none but its own', async () => {
    const topology = await start();
    const client = topology.connect();
    const keys = Array.from({ length: 50 }, (_, index) => `key-${index}`);

    await Promise.all(keys.map((key) => client.set(key, key)));

    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
    const [first, , last] = topology.nodes;
    expect(await topology.masterOf(0)).toBe(first);
    expect(await topology.masterOf(16_383)).toBe(last);
    expect(await topology.slotOf('{tag}a')).toBe(await topology.slotOf('{tag}b'));
    await expect(first?.admin.get('foo')).rejects.toThrow('MOVED 12182');
  });

  it('moves a slot: ASK for what has gone, MOVED in the end, and a client follows', async () => {
    const topology = await start();
    const client = topology.connect();
    const slot = await topology.slotOf('{tag}');
    const from = await topology.masterOf(slot);
    const to = topology.nodes.find((node) => node !== from);
    if (to === undefined) throw new Error('there is but one master');
    await client.set('{tag}a', 'a');
    await client.set('{tag}b', 'b');

    const move = await topology.beginSlotMove(slot, to);
    expect(await from.admin.get('{tag}a')).toBe('a');
    await expect(from.admin.get('{tag}c')).rejects.toThrow('ASK');
    expect(await move.moveKeys(1)).toBe(1);
    await expect(from.admin.mget('{tag}a', '{tag}b')).rejects.toThrow('TRYAGAIN');
    expect(await Promise.all([client.get('{tag}a'), client.get('{tag}b')])).toEqual(['a', 'b']);
    expect(await move.moveKeys()).toBe(1);
    await move.finish();

    await expect(from.admin.get('{tag}a')).rejects.toThrow(`MOVED ${slot} 127.0.0.1:${to.port}`);
    expect(await client.get('{tag}a')).toBe('a');
    expect(await topology.masterOf(slot)).toBe(to);
    await topology.moveSlot(slot, from);
    expect(await topology.masterOf(slot)).toBe(from);
  });

  it('with replicas outlives a master that is killed, and one that hands over', async () => {
    const topology = await start({ hasReplicas: true });
    const client = topology.connect();
    const slot = await topology.slotOf('key');
    await client.set('key', 'value');
    const [first, second] = [await topology.masterOf(slot), await topology.masterOf((slot + 8192) % 16_384)];
    expect(await first.admin.wait(1, 2000)).toBe(1);

    const master = await topology.failOverByKill(slot);
    expect(master).not.toBe(first);
    expect(await client.get('key')).toBe('value');
    await client.set('key', 'new');

    const other = await topology.replicaOf(second);
    expect(await topology.failOverByCommand((slot + 8192) % 16_384)).toBe(other);
    expect(await client.get('key')).toBe('new');
  });
});
