import { describe, expect, it } from 'vitest';

import type { CircuitMember, MemberRun, MemberTally } from '../kernel/circuit-store.ts';
import { FleetNode } from './fleet-node.ts';
import { nodeDefaults } from './node-settings.ts';
import { noRuling } from './ruling.ts';
import { WindowReports } from './window-report.ts';

const memberRules = {
  maxProbes: 1,
  neededSuccesses: 1,
  probeLeaseMs: 1000,
  openForMs: 1000,
  openBackoffRatio: 1,
  maxOpenForMs: 1000,
  rampUpMs: 0,
  evidenceSpanMs: 60_000,
  bucketMs: 1000,
  failureRatio: 0.5,
  minimumCalls: 10,
  proposes: true,
  fingerprint: 'f',
};

/** A circuit whose member has seen what the test says. */
function setUp() {
  const seen: { tally: MemberTally; recent: readonly MemberRun[] } = {
    tally: { successes: 0, failures: 0 },
    recent: [],
  };
  const member: CircuitMember = {
    name: 'prices',
    memberRules,
    tally: () => seen.tally,
    recent: () => seen.recent,
    follow: () => {},
  };
  const settings = { ...nodeDefaults, node: 'a', mode: 'ruling' } as const;
  const node = new FleetNode({ settings, random: () => 0.5, shards: 1, onDisagreement: () => {} });
  const circuit = node.join(member, 0);
  const reports = new WindowReports();
  reports.begin(circuit, 0);
  const ring = (now: number): void => {
    circuit.adopt({ ...noRuling('prices'), notes: { hot: '10000' } }, now);
  };
  const told = (now: number) =>
    reports.news(now, 0).items.map(({ successes, failures, ageMs }) => ({ successes, failures, ageMs }));
  return { seen, ring, told };
}

describe('window report', () => {
  it('(1) tells what the window holds once, also where the bell is over and rings again', () => {
    const { seen, ring, told } = setUp();
    seen.tally = { successes: 3, failures: 2 };
    seen.recent = [{ successes: 3, failures: 2, ageMs: 500 }];
    ring(1000);
    expect(told(1000)).toEqual([{ successes: 3, failures: 2, ageMs: 500 }]);
    expect(told(11_000)).toEqual([]);

    seen.tally = { successes: 4, failures: 4 };
    seen.recent = [
      { successes: 3, failures: 2, ageMs: 11_500 },
      { successes: 1, failures: 2, ageMs: 100 },
    ];
    ring(12_000);

    expect(told(12_000)).toEqual([{ successes: 1, failures: 2, ageMs: 100 }]);
  });
});
