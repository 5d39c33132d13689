/**
 * Random fleet: nodes that turn deeds into calls, by what the replies so far have told them.
 *
 * @module
 */

import type { Proposal, Ruling } from '@holdfast/core/fleet';

import { type Basis, type Deed, type Wish, circuits, nodes } from './deeds.ts';
import type { LedgerAnswer, LedgerCall } from './timed-ledger.ts';

interface Told {
  incarnation: string;
  ticketUs: number;
  since: number;
  readonly rulings: Map<string, Ruling>;
}

/** What the nodes of a run know, and the calls that they make. */
export class RandomFleet {
  private readonly told = nodes.map((): Told => ({ incarnation: '', ticketUs: 0, since: 0, rulings: new Map() }));
  /** Epochs of each circuit, the latest last. */
  private readonly epochs = new Map<string, number[]>();
  private readonly leases = new Map<string, string[]>();
  private readonly made: LedgerCall[] = [];
  private sequence = 0;
  private bases = 0;

  /** The call that a deed comes to; undefined where it is none, or there is nothing to repeat. */
  callOf(deed: Deed): LedgerCall | undefined {
    const call = this.make(deed);
    if (call !== undefined) this.made.push(call);
    return call;
  }

  /** Takes up what a call was answered. */
  learn(call: LedgerCall, { reply }: LedgerAnswer): void {
    const told = this.told[nodes.indexOf(call.request.node)];
    if (told === undefined) return;
    told.incarnation = reply.incarnation;
    told.ticketUs = reply.nowUs;
    if (call.method === 'sync') told.since = reply.clock;
    for (const ruling of rulingsOf(reply)) {
      told.rulings.set(ruling.id, ruling);
      const epochs = this.epochs.get(ruling.id) ?? [0];
      if (ruling.epoch > (epochs.at(-1) ?? 0)) epochs.push(ruling.epoch);
      this.epochs.set(ruling.id, epochs);
    }
    this.learnLeases(call, reply);
  }

  // --- internal ---

  private learnLeases(call: LedgerCall, reply: LedgerAnswer['reply']): void {
    if (call.method !== 'step' || !('results' in reply)) return;
    for (const [index, result] of reply.results.entries()) {
      const id = call.request.proposals[index]?.id ?? '';
      if (result.code === 'granted') this.leases.set(id, [...(this.leases.get(id) ?? []), ...result.leases]);
    }
  }

  private make(deed: Deed): LedgerCall | undefined {
    switch (deed.deed) {
      case 'sync':
        return this.sync(deed);
      case 'step':
        return this.step(deed);
      case 'flush':
        return this.flush(deed);
      case 'hold':
        return this.hold(deed);
      case 'storm':
        return this.storm(deed);
      case 'ghost':
        return this.made.at(-1 - deed.back);
      case 'time':
      case 'server':
        return undefined;
    }
  }

  private sync({ node: at, presence, leaves, knows, limit }: Deed & { deed: 'sync' }): LedgerCall {
    const { incarnation, since } = this.toldTo(at);
    const name = nodes[at] ?? '';
    const known = {
      last: { incarnation, since },
      nothing: { incarnation: '', since: 0 },
      other: { incarnation: 'x-1', since },
      more: { incarnation, since: since + 1e12 },
    }[knows];
    const nodeTtlMs = leaves ? 0 : 60_000;
    const fixed = { nodeTtlMs, leaseTtlMs: 400 + 300 * at, nonce: `${name}x`, shards: 1 + (at % 2), minor: 1 };
    return { method: 'sync', request: { node: name, presence, limit, ...known, ...fixed } };
  }

  private step({ node: at, wishes, fleetSize }: Deed & { deed: 'step' }): LedgerCall {
    const { incarnation, ticketUs } = this.toldTo(at);
    const proposals = wishes.map((each) => this.proposal(each, at));
    return { method: 'step', request: { node: nodes[at] ?? '', incarnation, ticketUs, fleetSize, proposals } };
  }

  /** Many circuits that open at once: more than one message can tell. */
  private storm({ node: at, from, count, fleetSize }: Deed & { deed: 'storm' }): LedgerCall {
    const { incarnation, ticketUs } = this.toldTo(at);
    const proposals = Array.from({ length: count }, (_, index): Proposal => {
      const id = `storm${from + index}`;
      return { kind: 'trip', id, basis: this.epochs.get(id)?.at(-1) ?? 0, ...stormReopening, ...tripNumbers(0) };
    });
    return { method: 'step', request: { node: nodes[at] ?? '', incarnation, ticketUs, fleetSize, proposals } };
  }

  private flush({ node: at, loads, isRepeated }: Deed & { deed: 'flush' }): LedgerCall {
    const { incarnation, ticketUs } = this.toldTo(at);
    if (!isRepeated) this.sequence++;
    const items = loads.map(({ circuit: which, basis: on, successes, failures, choice }) => ({
      id: circuits[which] ?? '',
      basis: this.epoch(which, on, at),
      successes,
      failures,
      fingerprint: choice % 2 === 0 ? 'f1' : '',
      ageMs: pick([0, 100.25, 900, 5000, 30_000], choice),
      bucketMs: pick([1000, 1000, 500], choice >> 2),
      bucketCount: 10,
      minimumCalls: pick([1, 5, 12], choice >> 3),
      failureRatio: pick([0.5, 0.3, 1], choice >> 4),
      quorum: pick([1, 2, 3], choice >> 5),
      openForMs: 1000,
      ...stormReopening,
    }));
    const sender = { node: nodes[at] ?? '', incarnation, ticketUs, fleetSize: 5 };
    return { method: 'flush', request: { ...sender, sequence: this.sequence, items } };
  }

  private hold({ circuit: which, node: at, state, forMs, basis: on }: Deed & { deed: 'hold' }): LedgerCall {
    const { incarnation, ticketUs } = this.toldTo(at);
    const sender = { node: nodes[at] ?? '', incarnation, ticketUs, fleetSize: 5 };
    const wish = { state, forMs, owner: 'Ada, on call', reason: on === 'none' ? '' : 'release 7; see #4' };
    const basis = this.epoch(which, on, at);
    return { method: 'hold', request: { ...sender, id: circuits[which] ?? '', basis, ...wish } };
  }

  private proposal(wished: Wish, at: number): Proposal {
    const { kind, circuit: which, basis: on, lease, choice } = wished;
    const id = circuits[which] ?? '';
    const based = { id, basis: this.epoch(which, on, at) };
    const name = this.leases.get(id)?.at(-1 - lease) ?? 'none.1';
    if (kind === 'claim') {
      const leaseBase = this.leaseBase(name, choice);
      return { kind, ...based, ...reopeningOf(choice), ...claimNumbers(choice, at), leaseBase };
    }
    return proposalOf({ ...wished, kind }, based, name);
  }

  /** The base of a lease that is known, for a repeated claim, or a new one. */
  private leaseBase(name: string, choice: number): string {
    return choice % 4 === 0 ? name.replace(/\.\d+$/, '') : `l${this.bases++}`;
  }

  private toldTo(at: number): Told {
    const told = this.told[at];
    if (told === undefined) throw new Error(`no node ${at}`);
    return told;
  }

  private epoch(which: number, on: Basis, at: number): number {
    const id = circuits[which] ?? '';
    const epochs = this.epochs.get(id) ?? [0];
    const latest = epochs.at(-1) ?? 0;
    const known = this.toldTo(at).rulings.get(id)?.epoch ?? 0;
    return { known, latest, parent: epochs.at(-2) ?? 0, old: epochs.at(-4) ?? 0, ahead: latest + 1_000_000, none: 0 }[
      on
    ];
  }
}

// --- internal ---

const stormReopening = { openMs: 1000, backoffRatio: 2, maxOpenMs: 5000 };

function proposalOf(
  { kind, choice }: { readonly kind: Exclude<Proposal['kind'], 'claim'>; readonly choice: number },
  based: { readonly id: string; readonly basis: number },
  lease: string,
): Proposal {
  switch (kind) {
    case 'trip':
      return { kind, ...based, ...reopeningOf(choice), ...tripNumbers(choice) };
    case 'report':
      return { kind, ...based, ...reopeningOf(choice), lease, ...reportNumbers(choice) };
    case 'release':
      return { kind, ...based, lease };
    case 'local-close':
      return { kind, ...based, ...closeNumbers(choice) };
    case 'seed':
      return { kind, ...based, ruling: seeded(based.id, based.basis, choice), leaseTtlMs: 500 };
    case 'bell':
      return { kind, ...based, hotMs: pick([10_000, 3000, 0], choice) };
  }
}

function tripNumbers(choice: number) {
  return {
    openForMs: pick([1000, 2500.25], choice >> 5),
    evidenceAgeMs: pick([0, 10.5, 1200], choice),
    maxEvidenceMs: pick([11_000, Infinity, 1000], choice >> 2),
    quorum: pick([1, 1, 2, 3], choice >> 6),
    ballotTtlMs: pick([10_000, 4000], choice >> 8),
    why: pick(['failure-ratio', 'slow ratio', ''], choice >> 4),
    fingerprint: pick(['f1', ''], choice >> 3),
  };
}

function reopeningOf(choice: number) {
  return {
    openMs: pick([1000, 700.5, 2000], choice),
    backoffRatio: pick([2, 1, 1.1], choice >> 2),
    maxOpenMs: pick([5000, 3000], choice >> 4),
  };
}

function reportNumbers(choice: number) {
  const rampMs = pick([0, 0, 1500], choice >> 6);
  return { succeeded: choice % 5 > 1, retryAfterMs: pick([0, 0, 4000.5], choice >> 5), rampMs };
}

function closeNumbers(choice: number) {
  const rampMs = pick([0, 0, 1500], choice >> 6);
  return { evidenceAgeMs: pick([0, 100.5, 2000], choice), successes: choice % 3, neededSuccesses: 1, rampMs };
}

function claimNumbers(choice: number, at: number) {
  const round = {
    maxProbes: pick([2, 1, 3], choice),
    neededSuccesses: pick([2, 1, 3], choice >> 2),
    neededFailures: pick([2, 1], choice >> 3),
    maxLost: pick([1, 0, 3], choice >> 4),
    maxPerNode: pick([1, 2, 9], choice >> 5),
  };
  const leaseTtlMs = pick([500, 800.5, 400 + 300 * at, 90_000], choice >> 7);
  return { want: pick([1, 2, 4], choice >> 6), leaseTtlMs, round };
}

function seeded(id: string, epoch: number, choice: number): Ruling {
  const state = pick(['open', 'closed', 'half-open', 'forced-open', 'forced-closed'] as const, choice);
  const times = { spanMs: 2000, remainingMs: pick([1500, -800, 0, 9000], choice >> 3) };
  const notes = pick<Record<string, string>>([{}, { by: 'n1', later: 'a%20b' }, { hot: '500', why: 'w' }], choice >> 5);
  return { id, epoch, state, ...times, reopenings: choice % 4, free: 0, notes };
}

function pick<T>(all: readonly T[], choice: number): T {
  return all[choice % all.length] as T;
}

function rulingsOf(reply: LedgerAnswer['reply']): readonly Ruling[] {
  if ('rulings' in reply) return reply.rulings;
  if ('ruling' in reply) return [reply.ruling];
  return reply.results.flatMap(({ ruling }) => (ruling === undefined ? [] : [ruling]));
}
