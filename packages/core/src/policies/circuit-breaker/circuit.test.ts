import { describe, expect, it } from 'vitest';

import type { ProbeAnswer } from '../../kernel/circuit-store.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import { Circuit, type CircuitRules } from './circuit.ts';
import type { Lease } from './probe-round.ts';

function make(rules: Partial<CircuitRules> = {}): { circuit: Circuit; transitions: string[] } {
  const transitions: string[] = [];
  const complete: CircuitRules = {
    failureRatio: 0.5,
    minimumCalls: 2,
    maxProbes: 3,
    probeSuccessRatio: 0.5,
    probeLeaseMs: 100,
    newWindow: () => new CountWindow(100),
    failureCount: Infinity,
    deviations: undefined,
    slowCallMs: Infinity,
    slowRatio: 0.5,
    shouldOpen: undefined,
    rampUpMs: 0,
    needsTime: false,
    ...rules,
  };
  const listener = {
    name: 'prices',
    onTransition: (from: string, to: string) => void transitions.push(`${from}->${to}`),
  };
  return { circuit: new Circuit(complete, listener), transitions };
}

/** Settles a probe, and opens the circuit where its verdict asks for it. */
function settleProbe(circuit: Circuit, verdict: 'success' | 'failure' | 'ignored'): void {
  if (circuit.settleProbe(probe(circuit, 0), verdict, 0)) circuit.trip(1000);
}

function probe(circuit: Circuit, now: number): Lease {
  const lease = circuit.probe(now);
  if (typeof lease !== 'object') throw new Error(`no lease: ${String(lease)}`);
  return lease;
}

/** Brings a circuit into each of its states, at time 0. */
const into = {
  closed: () => {},
  open: (circuit: Circuit) => circuit.trip(1000),
  'half-open': (circuit: Circuit) => {
    circuit.trip(0);
    circuit.settleProbe(probe(circuit, 0), 'ignored', 0);
  },
} as const;

describe('charter D8: every event in every state', () => {
  const states = ['closed', 'open', 'half-open'] as const;
  const stale: Lease = { grantedAt: 0, expiresAt: Infinity };
  const table: [keyof typeof into, string, (circuit: Circuit) => unknown, string][] = [
    ['closed', 'a call asks for a probe', (circuit) => circuit.probe(0), 'closed'],
    ['closed', 'one failure of one call is recorded', (circuit) => circuit.record(true, 0), 'closed'],
    ['closed', 'the verdict on a stale probe arrives', (circuit) => circuit.settleProbe(stale, 'failure', 0), 'closed'],
    ['closed', 'it is reset', (circuit) => circuit.reset(), 'closed'],
    ['closed', 'it is tripped', (circuit) => circuit.trip(1000), 'open'],
    ['open', 'a call asks too early', (circuit) => circuit.probe(999), 'open'],
    ['open', 'a call asks in time', (circuit) => circuit.probe(1000), 'half-open'],
    ['open', 'an outcome is recorded', (circuit) => circuit.record(false, 0), 'open'],
    ['open', 'the verdict on a stale probe arrives', (circuit) => circuit.settleProbe(stale, 'success', 0), 'open'],
    ['open', 'it is reset', (circuit) => circuit.reset(), 'closed'],
    ['half-open', 'a call asks', (circuit) => circuit.probe(0), 'half-open'],
    ['half-open', 'an outcome is recorded', (circuit) => circuit.record(true, 0), 'half-open'],
    [
      'half-open',
      'the verdict on a stale probe arrives',
      (circuit) => circuit.settleProbe(stale, 'failure', 0),
      'half-open',
    ],
    ['half-open', 'a probe is ignored', (circuit) => circuit.settleProbe(probe(circuit, 0), 'ignored', 0), 'half-open'],
    [
      'half-open',
      'one of three probes succeeds',
      (circuit) => circuit.settleProbe(probe(circuit, 0), 'success', 0),
      'half-open',
    ],
    [
      'half-open',
      'one of three probes fails',
      (circuit) => circuit.settleProbe(probe(circuit, 0), 'failure', 0),
      'half-open',
    ],
    ['half-open', 'it is reset', (circuit) => circuit.reset(), 'closed'],
  ];

  it.each(table)('a circuit that is %s, when %s, …', (from, _event, act, to) => {
    const { circuit } = make();
    into[from](circuit);
    expect(circuit.state(0)).toBe(from);

    act(circuit);

    expect(circuit.state(0)).toBe(to);
  });

  it('reads as half-open once its time is over, whether or not a call has come', () => {
    const { circuit, transitions } = make();
    circuit.trip(1000);

    expect(circuit.state(999)).toBe('open');
    expect(circuit.remainingOpenMs(999)).toBe(1);
    expect(circuit.state(1000)).toBe('half-open');
    expect(circuit.remainingOpenMs(1000)).toBe(0);
    expect(transitions).toEqual(['closed->open']);
    expect(states.every((state) => state in into)).toBe(true);
  });
});

describe('charter E2: the failure ratio', () => {
  function fill(circuit: Circuit, failures: number, calls: number): boolean {
    let hasSeenEnough = false;
    for (let call = 0; call < calls; call++) hasSeenEnough = circuit.record(call < failures, 0) !== undefined;
    return hasSeenEnough;
  }

  it.each([
    [0.5, 4, 10, false],
    [0.5, 5, 10, true],
    [1, 9, 10, false],
    [1, 10, 10, true],
    [0.55, 54, 100, false],
    [0.55, 55, 100, true],
    [0.07, 7, 100, true],
    [0.28, 7, 25, true],
    [0.29, 29, 100, true],
    [Number.MIN_VALUE, 0, 100, false],
    [Number.MIN_VALUE, 1, 100, true],
  ])('of %d, with %d failures in %d calls: trips is %s', (failureRatio, failures, calls, trips) => {
    expect(fill(make({ failureRatio, minimumCalls: 10 }).circuit, failures, calls)).toBe(trips);
  });

  it('means nothing below minimumCalls', () => {
    expect(fill(make({ minimumCalls: 10 }).circuit, 9, 9)).toBe(false);
    expect(fill(make({ minimumCalls: 10 }).circuit, 10, 10)).toBe(true);
  });
});

describe('charter D6: the success ratio of the probes', () => {
  it.each([
    [3, 0.5, 1, 'half-open'],
    [3, 0.5, 2, 'closed'],
    [100, 0.55, 54, 'half-open'],
    [100, 0.55, 55, 'closed'],
    [1, 0.01, 1, 'closed'],
    [4, 1, 3, 'half-open'],
    [4, 1, 4, 'closed'],
  ])('with %d probes and a ratio of %d, after %d successes: %s', (maxProbes, probeSuccessRatio, successes, state) => {
    const { circuit } = make({ maxProbes, probeSuccessRatio });
    circuit.trip(0);
    for (let count = 0; count < successes; count++) circuit.settleProbe(probe(circuit, 0), 'success', 0);

    expect(circuit.state(0)).toBe(state);
  });

  it.each([
    [3, 0.5, 1, 'half-open'],
    [3, 0.5, 2, 'open'],
    [100, 0.55, 45, 'half-open'],
    [100, 0.55, 46, 'open'],
    [4, 1, 1, 'open'],
  ])('with %d probes and a ratio of %d, after %d failures: %s', (maxProbes, probeSuccessRatio, failures, state) => {
    const { circuit } = make({ maxProbes, probeSuccessRatio });
    circuit.trip(0);
    for (let count = 0; count < failures; count++) settleProbe(circuit, 'failure');

    expect(circuit.state(0)).toBe(state);
  });
});

describe('charter D4: a probe that never returns', () => {
  it('gives its place to another when its lease expires, and its late verdict changes nothing', () => {
    const { circuit } = make({ maxProbes: 1 });
    circuit.trip(0);
    const hung = probe(circuit, 0);

    expect(circuit.probe(99)).toBe('half-open-full');
    expect(circuit.remainingLeaseMs(99)).toBe(1);
    const next = probe(circuit, 100);
    circuit.settleProbe(hung, 'failure', 101);
    expect(circuit.state(101)).toBe('half-open');
    circuit.settleProbe(next, 'success', 101);
    expect(circuit.state(101)).toBe('closed');
  });
});

describe('a circuit that a fleet shares', () => {
  /** A fleet that answers as a test says. */
  const shared = (rules: Partial<CircuitRules> = {}) => {
    const made = make(rules);
    const said: string[] = [];
    const fleet = {
      answer: 'none' as ProbeAnswer,
      waitMs: 0,
      probe: () => fleet.answer,
      noteDemand: () => void said.push('demand'),
      retryAfterMs: () => fleet.waitMs,
      tripped: () => {},
      recovered: () => void said.push('recovered'),
      wasReset: () => void said.push('reset'),
      explain: () => undefined,
      leave: () => {},
    };
    made.circuit.fleet = fleet;
    return { ...made, fleet, said };
  };
  const open = (remainingMs: number) =>
    ({ phase: 'open', isNew: true, reopenings: 0, opening: { until: remainingMs } }) as const;

  it('circuit (7): runs no probe but with a lease of the fleet, where that decides', () => {
    const { circuit, fleet, said, transitions } = shared({ maxProbes: 1 });
    circuit.follow(open(100));
    expect([circuit.probe(99), said]).toEqual(['open', ['demand']]);
    expect([circuit.probe(100), circuit.remainingLeaseMs(100)]).toEqual(['half-open-full', 0]);
    fleet.waitMs = 20;
    expect(circuit.remainingLeaseMs(100)).toBe(20);
    const verdicts: unknown[] = [];
    fleet.answer = { remainingMs: 50, settle: (...verdict) => void verdicts.push(verdict) };
    const leases = [circuit.probe(100), circuit.probe(100)] as Lease[];
    expect(leases[0]?.expiresAt).toBe(150);
    expect(circuit.settleProbe(leases[0]!, 'failure', 110, 7)).toBe(false);
    expect(circuit.settleProbe(leases[1]!, 'success', 110)).toBe(false);

    expect([circuit.state(110), transitions]).toEqual(['half-open', ['closed->open', 'open->half-open']]);
    expect(verdicts).toEqual([
      ['failure', 7],
      ['success', 0],
    ]);
  });

  it('circuit (7): probes by itself where the fleet leaves that to it, and tells it what came of it', () => {
    const { circuit, fleet, said } = shared({ maxProbes: 1 });
    fleet.answer = 'own';
    circuit.trip(100);
    const lease = circuit.probe(100) as Lease;
    expect(circuit.probe(100)).toBe('half-open-full');
    circuit.settleProbe(lease, 'success', 110);
    circuit.reset();

    expect([circuit.state(110), said]).toEqual(['closed', ['recovered', 'reset']]);
  });

  it('asks the fleet nothing while it is closed', () => {
    const { circuit, fleet } = shared();
    fleet.waitMs = 20;
    expect([circuit.probe(0), circuit.remainingLeaseMs(0)]).toEqual([undefined, 0]);
  });

  it('takes a shorter time from the same ruling, and begins nothing anew', () => {
    const { circuit, transitions } = shared();
    circuit.follow(open(100));
    const { generation } = circuit;
    circuit.follow({ ...open(60), isNew: false, reopenings: 4 });

    expect([circuit.remainingOpenMs(0), circuit.generation, circuit.reopenings]).toEqual([60, generation, 4]);
    circuit.follow(open(60));
    expect([circuit.generation, transitions]).toEqual([generation + 1, ['closed->open']]);
  });
});
