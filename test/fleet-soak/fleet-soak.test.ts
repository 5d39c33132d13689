import { describe, expect, it } from 'vitest';

import { type FleetSoakPlan, fleetSoak } from './fleet-soak.ts';
import { soakPlants } from './soak-plants.ts';

const seed = Number(process.env['FLEET_SOAK_SEED'] ?? Date.now() % 1_000_000);

/** What is said of each fault of our own that is planted in a process. */
const noticed: Readonly<Record<string, RegExp>> = {
  heap: /^the heap of process 0 grew by \d+ KiB$/,
  store: /^process 1: \d+ stores that were closed are kept$/,
  timer: /^process 0: \d+ timers? (is|are) set$/,
  listener: /^process 1: \d+ more listeners on the client$/,
  rejection: /^process 0: 1 unhandled rejection, the first: Error: planted/,
  call: /^process 1: a call came to Error: planted$/,
  connection: /^\d+ connections to the server are left$/,
};

/** Leaves things on the server: a key for ever, a lease that is out, and a process that stays on the list. */
const plantInServer: FleetSoakPlan['plantInServer'] = async ({ server: { admin } }) => {
  const [seconds] = (await admin.time()).map(Number);
  await admin.set('rb1:{soak-ruling/0}:endless', '1');
  await admin.hset('rb1:{soak-ruling/0}:b:planted', 'l:planted.1', `${(Number(seconds) + 60) * 1e6} n1`);
  await admin.zadd('rb1:{soak-ruling/0}:n', Number(seconds) * 1000, 'steady-0');
};

describe('a fleet that shares circuits through everything that can befall it', () => {
  it(`leaves nothing behind, seed ${seed}`, async () => {
    const { complaints, counts } = await fleetSoak({ forMs: 15_000, seed, maxGrowthBytes: 4 * 1024 * 1024 });

    expect(complaints).toEqual([]);
    expect(counts).toMatchObject({ 'a store is made': counts['a store is closed'] });
    for (const what of ['a call was refused', 'an operator was answered', 'circuit-breaker.transitioned'])
      expect(counts[what] ?? 0).toBeGreaterThan(0);
  });

  it('has a sentence for each fault that can be planted', () => {
    expect(Object.keys(noticed)).toEqual(soakPlants);
  });

  it('notices whatever is planted', async () => {
    const plan = { forMs: 8000, seed: 3, plants: soakPlants, plantInServer };
    const { complaints } = await fleetSoak(plan);

    for (const sentence of Object.values(noticed)) expect(complaints).toContainEqual(expect.stringMatching(sentence));
    expect(complaints).toContain('rb1:{soak-ruling/0}:endless has no time to live');
    expect(complaints).toContainEqual(expect.stringMatching(/^the lease l:planted\.1 of .* is out/));
    expect(complaints).toContain('steady-0 is on the list of rb1:{soak-ruling/0}:n');
  });
});
