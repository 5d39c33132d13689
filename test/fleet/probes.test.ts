import { describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { startCircuitFleet } from './circuit-fleet.ts';
import { lessLag } from './timer-lag.ts';

/** Three probes at once; all three must fail to open again. */
const options = {
  window: { kind: 'count', size: 10 },
  minimumCalls: 3,
  openForMs: 100,
  maxProbes: 3,
  probeSuccessRatio: 1 / 3,
  probeLeaseMs: 1000,
} as const;

const ROUNDS = 200;

/** So long that no process of a busy machine stands still while it probes, or the dependency while it answers. Milliseconds. */
const PATIENT_LEASE_MS = 5000;

/** On a machine that is busy otherwise the rounds take a multiple of the half minute that they need. Milliseconds. */
const ROUNDS_MS = 280_000;

describe('probes of a fleet', () => {
  it('charter L2: 20 processes, K = 3, 200 rounds: never more than 3 probes at the dependency, and each round gets them', async () => {
    await using circuit = await startCircuitFleet(20, { ...options, probeLeaseMs: PATIENT_LEASE_MS });
    const { dependency, fleet, until } = circuit;
    dependency.set({ answer: 'failing', afterMs: 10 });
    await fleet.askAll('call', 20);
    await until('an open circuit everywhere', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    await until('some rounds, in which all that ran before ends', ({ fleet: { ruling } }) => ruling.reopenings >= 5);
    await eventually(() => dependency.counts().underWay <= 3, { what: 'nothing but probes' });
    dependency.nextPhase();
    const before = await fleet.member(0).ask('report');

    const after = await eventually(
      async () => {
        const report = await fleet.member(0).ask('report');
        return report.fleet.ruling.reopenings >= before.fleet.ruling.reopenings + ROUNDS && report;
      },
      { what: `${ROUNDS} rounds`, limitMs: ROUNDS_MS, everyMs: 100 },
    );
    const { calls, maxUnderWay, callsBy } = dependency.counts();
    const rounds = after.fleet.ruling.reopenings - before.fleet.ruling.reopenings;

    expect(maxUnderWay).toBeLessThanOrEqual(3);
    expect(maxUnderWay).toBe(3);
    expect(calls / rounds).toBeGreaterThan(2.9);
    expect(calls).toBeLessThanOrEqual(3 * (rounds + 2)); // rounds begin and end beside the counting
    expect(Object.keys(callsBy).length).toBeGreaterThan(10); // distinct nodes probe
  }, 300_000);

  it('gives the places of probers that are killed to others within their lease and half a second', async () => {
    await using circuit = await startCircuitFleet(8, options);
    const { dependency, fleet, until } = circuit;
    dependency.set('failing');
    await fleet.askAll('call', 10);
    await until('an open circuit everywhere', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    dependency.set('hanging');
    dependency.nextPhase();
    await eventually(() => dependency.counts().underWay === 3, { what: 'three probes under way' });
    const probers = Object.keys(dependency.counts().callsBy).map((name) => Number(name.slice(1)));
    dependency.nextPhase();
    const tookMs = await lessLag(fleet, async () => {
      await Promise.all(probers.map((index) => fleet.member(index).kill()));
      await eventually(() => Object.keys(dependency.counts().callsBy).length > 0, {
        what: 'another probe',
        everyMs: 5,
      });
    });
    dependency.set('ok');
    await until('a closed circuit', ({ state }) => state === 'closed');

    expect(probers).toHaveLength(3);
    expect(tookMs).toBeLessThan(options.probeLeaseMs + 500);
  });
});
