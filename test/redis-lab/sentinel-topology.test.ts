import { describe, expect, it, onTestFinished } from 'vitest';

import { eventually } from './eventually.ts';
import type { RedisServer } from './redis-server.ts';
import { type SentinelOptions, startSentinelTopology } from './sentinel-topology.ts';

async function start(options?: SentinelOptions) {
  const topology = await startSentinelTopology(options);
  onTestFinished(() => topology.stop());
  return topology;
}

async function expectKey(server: RedisServer, value: string): Promise<void> {
  await eventually(async () => (await server.admin.get('key')) === value, { what: 'the key', limitMs: 30_000 });
}

describe('a master with sentinels', () => {
  it('that is killed is followed by its replica, and a client finds it', async () => {
    const topology = await start();
    const client = topology.connect();
    await client.set('key', 'value');
    await client.wait(1, 2000);

    const killedAt = performance.now();
    const master = await topology.failOverByKill();

    expect(master).toBe(topology.replica);
    expect(performance.now() - killedAt).toBeLessThan(15_000);
    expect(await client.get('key')).toBe('value');
    await client.set('key', 'new');
    expect(await master.admin.get('key')).toBe('new');
    expect(await topology.currentMaster()).toBe(master);
  });

  it('hands over to a lagging replica, and what it had not sent is lost', async () => {
    const topology = await start();
    await topology.master.admin.set('key', 'old');
    await topology.master.admin.wait(1, 2000);

    topology.lag();
    await topology.master.admin.set('key', 'new');
    expect(await topology.replica.admin.get('key')).toBe('old');
    const master = await topology.failOverByKill();

    expect(await master.admin.get('key')).toBe('old');
  });

  it('lets a lagging replica catch up', async () => {
    const topology = await start();

    topology.lag();
    await topology.master.admin.set('key', 'new');
    expect(await topology.master.admin.wait(1, 200)).toBe(0);
    await topology.catchUp();

    await expectKey(topology.replica, 'new');
  });

  it('hands over to a replica that was never synced, and everything is lost', async () => {
    const topology = await start({ isNeverSynced: true });
    await topology.master.admin.set('key', 'value');
    expect((await topology.replica.info('replication'))['master_link_status']).toBe('down');

    const master = await topology.failOverByKill();

    expect(await master.admin.dbsize()).toBe(0);
  });

  it('hands over by command, with three sentinels, and becomes a replica', async () => {
    const topology = await start({ sentinels: 3 });

    const master = await topology.failOverByCommand();

    expect(master).toBe(topology.replica);
    expect(topology.sentinels).toHaveLength(3);
    await eventually(async () => (await topology.master.info('replication'))['role'] === 'slave', {
      what: 'the old master as a replica',
      limitMs: 30_000,
    });
    await expect(topology.master.admin.set('key', 'value')).rejects.toThrow('READONLY');
  });

  it('that comes back empty after a failover becomes a replica', async () => {
    const topology = await start();
    const master = await topology.failOverByKill();
    await master.admin.set('key', 'value');

    await topology.master.restart({ empty: true });

    await expectKey(topology.master, 'value');
  });
});
