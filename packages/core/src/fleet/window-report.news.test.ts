/**
 * What the window reports of a node tell, and when.
 *
 * @module
 */

import { describe, expect, it } from 'vitest';

import { memberRules, nodeViewOf, notingMember, rulingOf } from '../testing/fleet-table.ts';
import { NodeCircuit } from './node-circuit.ts';
import { HOT_MS, WindowReports } from './window-report.ts';

const T0 = 1_000_000;

function reporting(...rules: readonly Parameters<typeof notingMember>[1][]) {
  const given = { fleetSize: 5 };
  const circuit = new NodeCircuit('prices', nodeViewOf(given), T0);
  const members = (rules.length === 0 ? [{}] : rules).map((each) => notingMember('prices', each));
  for (const member of members) circuit.join(member, T0);
  circuit.adopt(rulingOf({ epoch: 2, state: 'closed' }), T0);
  const reports = new WindowReports();
  reports.begin(circuit, T0);
  const bell = (at: number, epoch = 2) =>
    circuit.adopt(rulingOf({ epoch, state: 'closed', notes: { hot: String(HOT_MS) } }), at);
  const items = (at: number) =>
    reports.news(at, 0.5).items.map(({ successes, failures, ageMs }) => [successes, failures, ageMs]);
  return { circuit, member: members[0]!, other: members[1]!, reports, bell, items, given };
}

const seen = (member: ReturnType<typeof notingMember>, successes: number, failures: number, ageMs = 0): void => {
  member.counted = { successes: member.counted.successes + successes, failures: member.counted.failures + failures };
  member.runs = [...member.runs, { successes, failures, ageMs }];
};

describe('window report: news', () => {
  it('window report (1): tells what a window holds when the bell rings, and then what comes, each once', () => {
    const { member, bell, items } = reporting();
    seen(member, 5, 1, 3000);
    seen(member, 2, 1, 1000);
    expect(items(T0)).toEqual([]);
    bell(T0 + 1);
    expect(items(T0 + 1)).toEqual([
      [2, 1, 1000],
      [5, 1, 3000],
    ]);
    seen(member, 0, 3, 100);
    expect(items(T0 + 225)).toEqual([]);
    expect(items(T0 + 226)).toEqual([[0, 3, 100]]);
    expect(items(T0 + 600)).toEqual([]);
  });

  it('window report (1): tells anew under another ruling, and of a member that counts anew', () => {
    const { member, bell, items } = reporting();
    seen(member, 5, 3);
    bell(T0);
    items(T0);
    bell(T0 + 300, 3);
    expect(items(T0 + 300)).toEqual([[5, 3, 0]]);
    member.counted = { successes: 0, failures: 0 };
    member.runs = [];
    seen(member, 1, 1);

    expect(items(T0 + 600)).toEqual([[1, 1, 0]]);
  });

  it('window report (1): tells nothing that the window holds no more, nor what it holds and did not count here', () => {
    const { member, bell, items } = reporting();
    member.counted = { successes: 50, failures: 20 };
    member.runs = [{ successes: 1, failures: 2, ageMs: 5 }];
    bell(T0);
    expect(items(T0)).toEqual([[1, 2, 5]]);
    member.runs = [{ successes: 9, failures: 9, ageMs: 5 }];

    expect(items(T0 + 300)).toEqual([]);
  });

  it('window report (1): tells of each member of a name what that one has seen, also where one has left', () => {
    const { circuit, member, other, bell, items } = reporting({}, {});
    seen(member, 10, 1, 1);
    seen(other, 1, 10, 2);
    bell(T0);
    expect(items(T0)).toEqual([
      [10, 1, 1],
      [1, 10, 2],
    ]);
    circuit.leave(member, T0);
    seen(other, 0, 2, 1);

    expect(items(T0 + 300)).toEqual([[0, 2, 1]]);
  });

  it('says what the ledger decides by', () => {
    const { member, bell, reports } = reporting();
    seen(member, 1, 1, 7);
    bell(T0);

    expect(reports.news(T0, 0.5).items).toEqual([
      {
        id: 'prices',
        basis: 2,
        openMs: 1000,
        backoffRatio: 2,
        maxOpenMs: 8000,
        bucketMs: 1000,
        bucketCount: 10,
        minimumCalls: 4,
        failureRatio: 0.5,
        quorum: 2,
        openForMs: 1000,
        fingerprint: 'f1',
        successes: 1,
        failures: 1,
        ageMs: 7,
      },
    ]);
  });

  it('puts the runs of a long window together, as old as the oldest', () => {
    const { member, bell, items } = reporting();
    for (let age = 40; age > 0; age--) seen(member, 1, 0, age);
    bell(T0);
    const told = items(T0);

    expect(told.length).toBeLessThanOrEqual(16);
    expect(told.reduce((sum, [successes]) => sum + (successes ?? 0), 0)).toBe(40);
    expect([told[0], told.at(-1)]).toEqual([
      [4, 0, 4],
      [4, 0, 40],
    ]);
  });

  it('rings the bell when further failures bring it to half the threshold', () => {
    const { circuit, member, reports, bell } = reporting();
    const bells = (at: number) => reports.news(at, 0.5).bells;
    expect(bells(T0)).toEqual([]);
    seen(member, 4, 1);
    expect(bells(T0)).toEqual([]);
    seen(member, 0, 1);
    expect(bells(T0)).toEqual([{ kind: 'bell', id: 'prices', basis: 2, hotMs: HOT_MS }]);
    expect(bells(T0)).toEqual([]);
    seen(member, 0, 1);
    bell(T0);
    expect(bells(T0 + HOT_MS / 2 - 1)).toEqual([]);
    expect(bells(T0 + HOT_MS / 2)).toHaveLength(1);
    seen(member, 0, 9);
    circuit.adopt(rulingOf({ epoch: 3, state: 'open', remainingMs: 9 }), T0 + HOT_MS);

    expect(bells(T0 + HOT_MS)).toEqual([]);
  });

  it.each([
    ['only observe', { proposes: false }],
    ['count calls, and not time', { bucketMs: undefined }],
  ])('says nothing for members that %s', (_what, rules) => {
    const { member, reports, bell } = reporting(rules);
    seen(member, 0, 9);
    bell(T0);
    expect(reports.news(T0, 0.5)).toEqual({ bells: [], items: [] });
  });

  it('looks four times a second, not all nodes at once, and never where nobody is', () => {
    const { circuit, reports } = reporting();
    expect(reports.dueAt).toBe(T0 + 250);
    reports.begin(circuit, T0 + 900);
    reports.news(T0 + 250, 0);
    expect(reports.dueAt).toBe(T0 + 475);
    reports.hurry(circuit, T0 + 300);
    expect(reports.dueAt).toBe(T0 + 300);
    reports.end(circuit);
    reports.news(T0 + 300, 0);
    expect(reports.dueAt).toBe(Infinity);
    reports.hurry(circuit, T0 + 400);

    expect(reports.dueAt).toBe(Infinity);
  });

  it('tells less often in a large fleet', () => {
    const { member, bell, items, given } = reporting();
    given.fleetSize = 400;
    seen(member, 1, 1);
    bell(T0);
    items(T0);
    seen(member, 1, 1);

    expect([items(T0 + 1999), items(T0 + 2000)]).toEqual([[], [[1, 1, 0]]]);
  });

  it('keeps what is more than one request holds for the next, which is due at once', () => {
    const reports = new WindowReports();
    for (let index = 0; index < 40; index++) {
      const circuit = new NodeCircuit(`c${index}`, nodeViewOf(), T0);
      const member = notingMember(`c${index}`, memberRules);
      circuit.join(member, T0);
      seen(member, 1, 1, 5);
      circuit.adopt(rulingOf({ epoch: 2, state: 'closed', notes: { hot: '9000' } }, `c${index}`), T0);
      reports.begin(circuit, T0);
    }
    const told: string[] = [];
    for (let request = 0; request < 3; request++) {
      const { items } = reports.news(T0, 0.5);
      expect(items.length).toBeLessThanOrEqual(32);
      told.push(...items.map(({ id }) => id));
    }

    expect([new Set(told).size, told.length, reports.dueAt > T0]).toEqual([40, 40, true]);
  });
});
