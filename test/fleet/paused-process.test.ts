import { describe, expect, it } from 'vitest';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { startCircuitFleet } from './circuit-fleet.ts';

const options = {
  window: { kind: 'count', size: 10 },
  minimumCalls: 5,
  openForMs: 200,
  maxProbes: 1,
  probeLeaseMs: 800,
} as const;

describe('a process that was paused', () => {
  it('changes nothing with the probe that it wakes up with', async () => {
    await using circuit = await startCircuitFleet(4, options);
    const { dependency, fleet, until } = circuit;
    dependency.set('failing');
    await fleet.askAll('call', 10);
    await until('an open circuit everywhere', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    dependency.set('hanging');
    dependency.nextPhase();
    await eventually(() => dependency.counts().underWay === 1, { what: 'a probe under way' });
    const prober = Number(Object.keys(dependency.counts().callsBy)[0]?.slice(1));
    fleet.member(prober).pause();
    dependency.set('ok');
    const others = fleet.members.filter(({ index }) => index !== prober);
    const reports = await eventually(
      async () => {
        const all = await Promise.all(others.map((member) => member.ask('report')));
        return all.every(({ state }) => state === 'closed') && all;
      },
      { what: 'a circuit that others have closed' },
    );
    const epoch = reports[0]?.fleet.ruling.epoch;

    fleet.member(prober).resume();
    await until('the same ruling everywhere', ({ fleet: { ruling } }) => ruling.epoch === epoch);
    await sleep(1000);

    for (const { state, fleet: view } of await fleet.askAll('report')) {
      expect([state, view.ruling.epoch, view.override]).toEqual(['closed', epoch, undefined]);
    }
  });

  it('opens nothing by failures from before it slept', async () => {
    await using circuit = await startCircuitFleet(2, { ...options, minimumCalls: 10 });
    const { dependency, fleet } = circuit;
    const sleeper = fleet.member(0);
    dependency.set('failing');
    await sleeper.ask('make', 6); // too few to open
    const report = await sleeper.ask('report');
    sleeper.pause();
    dependency.set('ok');
    await sleep(5000); // longer than a poll and the time that a timer may be late by itself
    sleeper.resume();
    await sleep(500);
    dependency.set('failing');
    dependency.nextPhase();
    await sleeper.ask('make', 6);
    await sleep(500);

    expect(report).toMatchObject({ state: 'closed', failed: 6 });
    for (const { state } of await fleet.askAll('report')) expect(state).toBe('closed');
    expect(dependency.counts().calls).toBe(6);
  });
});
