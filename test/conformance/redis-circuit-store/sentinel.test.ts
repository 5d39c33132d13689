import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';

import { type SentinelTopology, startSentinelTopology } from '../../redis-lab/sentinel-topology.ts';
import { type StoreMember, closeMembers, storeMember } from './store-member.ts';

/** Two members that share already, of which one holds a circuit open. */
async function holding({ clientOptions }: SentinelTopology): Promise<[StoreMember, StoreMember]> {
  const make = (): StoreMember =>
    storeMember(new Redis({ ...clientOptions, lazyConnect: true }), { namespace: 'sentinel' });
  const [one, other] = [make(), make()];
  await Promise.all([one.isMode('shared'), other.isMode('shared')]);
  await Promise.all([one.hears(true), other.hears(true)]);
  await one.holds('open');
  await other.becomes('forced-open');
  return [one, other];
}

/** Lets the hold end, and a member trip. Returns how long it takes until the other one is open. */
async function spreads(one: StoreMember, other: StoreMember): Promise<number> {
  await one.closes(); // commands may come back later than messages
  await Promise.all([one.becomes('closed'), other.becomes('closed')]);
  one.trip();
  return other.becomes('open');
}

describe('a store behind Sentinels', () => {
  it('charter M3, M6: is back within 3 seconds after its master has died and there is another one', async () => {
    await using topology = await startSentinelTopology({ sentinels: 3 });
    const [one, other] = await holding(topology);
    await topology.failOverByKill();

    expect(Math.max(await one.isMode('shared'), await other.isMode('shared'))).toBeLessThan(3000);
    await Promise.all([one.hears(true), other.hears(true)]);
    expect([one.breaker.state, other.breaker.state]).toEqual(['forced-open', 'forced-open']);
    expect(await spreads(one, other)).toBeLessThan(500);
    await closeMembers(one, other);
  });

  it('leaves a master that is none any more', async () => {
    await using topology = await startSentinelTopology({ sentinels: 3 });
    const [one, other] = await holding(topology);
    const master = await topology.failOverByCommand();
    await expect
      .poll(async () => (await master.admin.call('PUBSUB', 'NUMSUB', 'rb1:{sentinel/0}:e')) as unknown[])
      .toEqual(['rb1:{sentinel/0}:e', 2]);

    expect(await spreads(one, other)).toBeLessThan(500);
    expect([one.breaker.state, other.breaker.state]).toEqual(['open', 'open']);
    await closeMembers(one, other);
  });

  it('tells a replica that had never been synced what it knew', async () => {
    await using topology = await startSentinelTopology({ isNeverSynced: true });
    const [one, other] = await holding(topology);
    const master = await topology.failOverByKill();
    expect(await one.isMode('shared')).toBeLessThan(3000);
    await expect.poll(() => master.keys()).toContain('rb1:{sentinel/0}:v');

    const late = storeMember(new Redis({ ...topology.clientOptions, lazyConnect: true }), { namespace: 'sentinel' });
    expect(await late.becomes('forced-open')).toBeLessThan(1000);
    await closeMembers(one, other, late);
  });
});
