import { describe, expect, it } from 'vitest';

import { ProbeRound, type ProbeRules } from './probe-round.ts';

const rules: ProbeRules = { maxProbes: 2, probeSuccessRatio: 0.5, probeLeaseMs: 100 };
const fleetLease = (remainingMs: number) => ({ remainingMs, settle: () => {} });

describe('ProbeRound', () => {
  it('(1) has two leases out at most, and counts two verdicts at most', () => {
    const round = new ProbeRound();
    const [one, other] = [round.grant(0, rules)!, round.grant(0, rules)!];
    expect(round.grant(0, rules)).toBeUndefined();
    expect([round.end(one), round.end(one)]).toEqual([true, false]);
    expect(round.grant(0, rules)).toBeDefined();
    round.end(other);
    round.count(false);

    expect([round.grant(0, rules), round.outcome(rules)]).toEqual([undefined, 'undecided']);
    round.count(true);
    expect(round.outcome(rules)).toBe('succeeded');
  });

  it('has failed as soon as enough cannot succeed any more', () => {
    const round = new ProbeRound();
    round.count(false);
    expect(round.outcome({ ...rules, probeSuccessRatio: 0.6 })).toBe('failed');
    expect(round.outcome(rules)).toBe('undecided');
    round.count(false);
    expect(round.outcome(rules)).toBe('failed');
  });

  it('(2) gives the place of a lease that has expired to the next', () => {
    const round = new ProbeRound();
    const late = round.grant(0, rules)!;
    round.grant(50, rules);
    expect([round.remainingLeaseMs(60, rules), round.grant(99, rules)]).toEqual([40, undefined]);
    expect(round.end(late)).toBe(true);
    round.grant(99, rules);
    expect(round.remainingLeaseMs(160, rules)).toBe(0);

    expect([round.grant(150, rules)?.expiresAt, round.grant(150, rules)]).toEqual([250, undefined]);
  });

  it('(3) gives no place of its own to leases of the fleet', () => {
    const round = new ProbeRound();
    const leases = [30, 40, 50].map((remainingMs) => round.begin(fleetLease(remainingMs), 0));

    expect(leases.map(({ expiresAt }) => expiresAt)).toEqual([30, 40, 50]);
    expect(round.remainingLeaseMs(0, rules)).toBe(0);
    expect([round.grant(0, rules), round.grant(0, rules), round.grant(0, rules)].filter(Boolean)).toHaveLength(2);
    expect([round.end(leases[0]!), round.end(leases[0]!), round.outcome(rules)]).toEqual([true, false, 'undecided']);
  });

  it('(3) forgets leases of the fleet that have run out, when another one begins', () => {
    const round = new ProbeRound();
    const lost = round.begin(fleetLease(30), 0);
    round.begin(fleetLease(30), 30);

    expect(round.end(lost)).toBe(false);
  });

  it('knows which probes have become slow, those of the fleet included', () => {
    const round = new ProbeRound();
    const own = round.grant(0, rules)!;
    const ofFleet = round.begin(fleetLease(500), 10);

    expect([round.slow(99, 100), round.slow(100, 100), round.slow(110, 100)]).toEqual([[], [own], [own, ofFleet]]);
  });
});
