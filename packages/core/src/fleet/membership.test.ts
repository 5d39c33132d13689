import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { onHookError } from '../kernel/hooks.ts';
import { notingMember, rulingOf } from '../testing/fleet-table.ts';
import { virtualClock } from '../testing/virtual-clock.ts';
import { FleetNode } from './fleet-node.ts';
import { Lane } from './lane.ts';
import type { LedgerPort } from './ledger.ts';
import { joinCircuit } from './membership.ts';
import { nodeDefaults } from './node-settings.ts';

/** A membership whose ledger never answers. */
function memberOf() {
  const clock = virtualClock(1_000_000);
  const never = (): Promise<never> => new Promise(() => {});
  const port: LedgerPort = { sync: never, step: never, flush: never, hold: never };
  const settings = { ...nodeDefaults, node: 'a', holdOffMs: 0 };
  const node = new FleetNode({ settings, random: () => 0, shards: 1, onDisagreement: () => {} });
  const lane = new Lane({ node, port, clock });
  const member = notingMember();
  const circuit = joinCircuit({ node, lane, clock }, member);
  const known = node.find('prices')!;
  const rule = (ruling: Parameters<typeof rulingOf>[0]) => known.adopt(rulingOf(ruling), clock.now());
  return { clock, node, lane, member, circuit, known, rule };
}

/** A membership that holds the lease of a half-open circuit. */
function probing() {
  const made = memberOf();
  made.rule({ epoch: 9, state: 'half-open', free: 1 });
  made.known.leases.grant('x.1', { epoch: 9, askedAt: made.clock.now(), ttlMs: 400 });
  const lease = made.circuit.probe();
  if (typeof lease === 'string') throw new Error(lease);
  return { ...made, lease };
}

let reported: unknown[] = [];
let before: ReturnType<typeof onHookError>;
beforeEach(() => {
  reported = [];
  before = onHookError((error) => reported.push([error.hook, error.policy]));
});
afterEach(() => void onHookError(before));

describe('membership', () => {
  it('(1) settles a probe once', () => {
    const { known, lease, clock } = probing();
    expect(lease.remainingMs).toBe(380);
    lease.settle('failure', 7);
    lease.settle('success', 0);

    expect(known.leases.toTell(clock.now())).toMatchObject([{ verdict: 'failure', retryAfterMs: 7 }]);
  });

  it('(1) has no effect after it was left', () => {
    const { node, circuit, member, known, rule } = memberOf();
    circuit.leave();
    rule({ epoch: 9, state: 'open', remainingMs: 100 });
    circuit.tripped({ openMs: 10, reason: 'probes' });
    circuit.recovered();
    circuit.wasReset();
    circuit.noteDemand();
    circuit.leave();

    expect([circuit.probe(), known.own, known.claim.isWanted, member.told]).toEqual(['own', undefined, false, []]);
    expect(node.find('prices')).toBeUndefined();
  });

  it('(1) gives back the lease of a probe that ends after it was left', () => {
    const { known, lease, circuit, clock, node } = probing();
    circuit.leave();
    expect(node.find('prices')).toBe(known);
    lease.settle('success', 0);

    expect(known.leases.toTell(clock.now())).toHaveLength(1);
  });

  it('(1) takes one verdict of a lone probe, and none after it was left', async () => {
    const { circuit, clock, known, rule } = memberOf();
    rule({ epoch: 9, state: 'open', remainingMs: 100 });
    await clock.advance(10_000);
    const lease = circuit.probe();
    expect(lease).toMatchObject({ remainingMs: 400 });
    if (typeof lease === 'object') lease.settle('success', 0);
    if (typeof lease === 'object') lease.settle('failure', 0);
    expect(known.own?.state).toBe('closed');
    rule({ epoch: 10, state: 'open', remainingMs: 100 });
    await clock.advance(10_000);
    const other = circuit.probe();
    circuit.leave();
    if (typeof other === 'object') other.settle('success', 0);

    expect(known.own).toBeUndefined();
  });

  it('(2) lets nothing that the node throws reach a caller', () => {
    const { circuit, member } = memberOf();
    Object.defineProperty(member, 'memberRules', {
      get: () => {
        throw new Error('broken');
      },
    });
    circuit.tripped({ openMs: 10, reason: 'probes' });

    expect([circuit.probe(), reported]).toEqual(['own', [['circuitStore', 'prices']]]);
  });

  it('(3) asks nothing of a store that was closed', async () => {
    const { circuit, lane, rule, clock } = memberOf();
    rule({ epoch: 9, state: 'open', remainingMs: 100 });
    expect([circuit.probe(), circuit.retryAfterMs()]).toEqual(['none', 850]);
    await lane.stop();

    expect([circuit.probe(), circuit.retryAfterMs(), circuit.explain().ruling.state]).toEqual(['own', 0, 'open']);
    await clock.advance(1);
  });

  it('explains what is known, believed and wanted', () => {
    const { circuit, rule, known } = memberOf();
    expect(circuit.explain()).toEqual({
      ruling: { state: 'closed', epoch: 0, remainingMs: 0, reopenings: 0, reason: undefined, by: [], note: undefined },
      override: undefined,
      view: 'degraded',
      members: 1,
      leases: 0,
      pending: [],
    });
    const notes = { why: 'slowRatio', by: 'n1+my%20node', for: 'a%20drill' };
    rule({ epoch: 9, state: 'open', remainingMs: 100, reopenings: 2, notes });
    circuit.wasReset();
    expect(circuit.explain()).toMatchObject({
      ruling: { state: 'open', epoch: 9, remainingMs: 100, reopenings: 2, reason: 'slowRatio', note: 'a drill' },
      override: { state: 'closed', why: 'reset' },
    });
    circuit.tripped({ openMs: 10, reason: 'failureCount' });
    circuit.noteDemand();
    known.seedDueAt = 0;
    known.ballotDueAt = 0;
    known.leases.grant('x.1', { epoch: 9, askedAt: 0, ttlMs: 400 });
    expect(circuit.explain()).toMatchObject({
      ruling: { by: ['n1', 'my node'] },
      override: { state: 'open', why: 'failureCount' },
      leases: 1,
    });
    known.leases.giveBack(0, true);

    expect(circuit.explain()).toMatchObject({
      leases: 0,
      pending: ['to open the fleet', 'to tell what probes came to', 'to tell the store what it lost'],
    });
    circuit.leave();
    expect(circuit.explain().members).toBe(0);
  });
});
