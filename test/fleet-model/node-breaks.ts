/**
 * Node breaks: rules that are removed from the logic of nodes, one at a time: a method of a shipped class is replaced while the
 * model runs.
 *
 * @module
 */

import { FleetNode, type Ruling } from '@holdfast/core/fleet';

import { Claim } from '../../packages/core/src/fleet/claim.ts';
import { KnownRuling } from '../../packages/core/src/fleet/known-ruling.ts';
import { LeasePool, type NodeLease } from '../../packages/core/src/fleet/lease-pool.ts';
import { LoneProbe, type LoneProbeTimes } from '../../packages/core/src/fleet/lone-probe.ts';
import { NodeCircuit } from '../../packages/core/src/fleet/node-circuit.ts';
import type { OwnView } from '../../packages/core/src/fleet/own-view.ts';
import { SyncState } from '../../packages/core/src/fleet/sync-state.ts';
import { FleetLink } from '../../packages/core/src/policies/circuit-breaker/fleet-link.ts';
import type { FollowedState } from '../../packages/core/src/kernel/circuit-store.ts';
import type { Break } from './script-breaks.ts';

/** The rules of nodes. */
export const nodeBreaks: readonly Break[] = [
  {
    rule: 'a lease counts from when it was asked for',
    noticedBy: ['I3'],
    node: () =>
      replaced(
        FleetNode.prototype,
        'stepped',
        (original) =>
          function (this: FleetNode, ...args: unknown[]) {
            const [request, reply, , now] = args;
            return original.call(this, request, reply, now, now);
          },
      ),
  },
  {
    rule: 'a lease allows for the rates of clocks',
    noticedBy: ['I3'],
    node: () =>
      replaced(
        LeasePool.prototype,
        'grant',
        (original) =>
          function (this: LeasePool, ...args: unknown[]) {
            const [id, grant] = args as Parameters<LeasePool['grant']>;
            return original.call(this, id, { ...grant, ttlMs: grant.ttlMs / 0.95 });
          },
      ),
  },
  {
    rule: 'leases have names of their own',
    noticedBy: ['I3', 'I5', 'I6', 'I22'],
    node: () => replaced(FleetNode.prototype, 'newLeaseBase', () => () => 'lease'),
  },
  {
    rule: 'a lease is taken by one call',
    noticedBy: ['I3', 'I22'],
    node: () =>
      replaced(
        LeasePool.prototype,
        'take',
        (original) =>
          function (this: LeasePool, ...args: unknown[]) {
            const lease = original.apply(this, args) as NodeLease | undefined;
            if (lease !== undefined) (this as unknown as { held: NodeLease[] }).held.push(lease);
            return lease;
          },
      ),
  },
  {
    rule: 'a lease that nobody takes is given back',
    noticedBy: ['I22'],
    node: () => {
      const mendGiveBack = replaced(LeasePool.prototype, 'giveBack', () => () => undefined);
      const mendDueAt = replaced(
        LeasePool.prototype,
        'dueAt',
        () =>
          function (this: LeasePool) {
            return this.reportCount > 0 ? Number.NEGATIVE_INFINITY : Infinity;
          },
      );
      return () => {
        mendGiveBack();
        mendDueAt();
      };
    },
  },
  {
    rule: 'a node that leaves gives back what it has in hand',
    noticedBy: ['I22'],
    node: () => replaced(FleetNode.prototype, 'farewell', () => () => undefined),
  },
  {
    rule: 'rulings are taken up in the order of their epochs',
    noticedBy: ['I2'],
    node: () =>
      replaced(
        KnownRuling.prototype,
        'adopt',
        (original) =>
          function (this: KnownRuling, ...args: unknown[]) {
            const inside = this as unknown as { latest: Ruling };
            inside.latest = { ...inside.latest, epoch: -1 };
            return original.apply(this, args);
          },
      ),
  },
  {
    rule: 'a view of its own ends with the ruling',
    noticedBy: ['I21'],
    node: () => {
      const mendStart = replaced(
        NodeCircuit.prototype,
        'startAnew',
        (original) =>
          function (this: NodeCircuit, ...args: unknown[]) {
            const inside = this as unknown as { formed: OwnView | undefined };
            const { formed } = inside;
            original.apply(this, args);
            inside.formed = formed;
          },
      );
      const mendOwn = replacedGetter(NodeCircuit.prototype, 'own', function (this: unknown) {
        return (this as { formed: OwnView | undefined }).formed;
      });
      return () => {
        mendStart();
        mendOwn();
      };
    },
  },
  {
    rule: 'only one of the two that end a view of its own',
    noticedBy: [],
    because: 'a view is dropped with the ruling, and does not count under another: the row before removes both',
    node: () =>
      replacedGetter(NodeCircuit.prototype, 'own', function (this: unknown) {
        return (this as { formed: OwnView | undefined }).formed;
      }),
  },
  {
    rule: 'a lone probe waits for the hold-off',
    noticedBy: ['I18'],
    node: () =>
      replaced(
        LoneProbe.prototype,
        'startsAt',
        (original) =>
          function (this: LoneProbe, ...args: unknown[]) {
            const [times] = args as [LoneProbeTimes];
            return original.call(this, { ...times, holdOffMs: 0 });
          },
      ),
  },
  {
    rule: 'one lone probe per open time',
    noticedBy: ['I18'],
    node: () =>
      replaced(
        LoneProbe.prototype,
        'start',
        (original) =>
          function (this: LoneProbe, ...args: unknown[]) {
            const isStarted = original.apply(this, args);
            Object.assign(this, { notBefore: Number.NEGATIVE_INFINITY, runsUntil: Number.NEGATIVE_INFINITY });
            return isStarted;
          },
      ),
  },
  {
    rule: 'a node without the ledger probes alone',
    noticedBy: ['I13'],
    node: () => replaced(LoneProbe.prototype, 'start', () => () => false),
  },
  {
    rule: 'no claim before the own deadline',
    noticedBy: ['I9'],
    node: () =>
      replaced(
        Claim.prototype,
        'want',
        (original) =>
          function (this: Claim, ...args: unknown[]) {
            return original.call(this, args[0], Number.NEGATIVE_INFINITY);
          },
      ),
  },
  {
    rule: 'a gap between messages leads to a sync',
    noticedBy: ['I7'],
    node: () =>
      replaced(
        SyncState.prototype,
        'heard',
        () =>
          function (this: SyncState, ...args: unknown[]) {
            const [{ clock }] = args as [{ readonly clock: number }];
            const inside = this as unknown as { since: number };
            if (clock > inside.since) inside.since = clock;
          },
      ),
  },
  {
    rule: 'news of another incarnation lead to a full reading',
    noticedBy: ['I7'],
    node: () =>
      replaced(
        SyncState.prototype,
        'heard',
        (original) =>
          function (this: SyncState, ...args: unknown[]) {
            return original.call(this, args[0], args[1], false);
          },
      ),
  },
  {
    rule: 'what the ledger has lost is told again',
    noticedBy: ['I7'],
    node: () => replaced(FleetNode.prototype, 'planSeeds', () => () => undefined),
  },
  {
    rule: 'closed circuits are told again, too',
    noticedBy: ['I7', 'I10'],
    node: () =>
      replaced(
        FleetNode.prototype,
        'planSeeds',
        (original) =>
          function (this: FleetNode, ...args: unknown[]) {
            original.apply(this, args);
            for (const circuit of (this as unknown as { circuits: Map<string, NodeCircuit> }).circuits.values()) {
              if (circuit.known.toRuling(0).state === 'closed') circuit.seedDueAt = Infinity;
            }
          },
      ),
  },
  {
    rule: 'what was closed alone is told',
    noticedBy: ['I13'],
    node: () => replaced(FleetNode.prototype, 'localCloses', () => () => undefined),
  },
  {
    rule: 'a node that closed alone takes part in the round again',
    noticedBy: ['I13'],
    node: () => replaced(NodeCircuit.prototype, 'joinRound', () => () => false),
  },
  {
    rule: 'members forget with a new ruling what they saw',
    noticedBy: ['I4'],
    node: () =>
      replaced(
        FleetLink.prototype,
        'follow',
        (original) =>
          function (this: FleetLink, ...args: unknown[]) {
            const [state] = args as [FollowedState];
            return original.call(this, { ...state, isNew: false });
          },
      ),
  },
  {
    rule: 'leases of a round that is over are dropped',
    noticedBy: [],
    because:
      'a call takes a lease of the round that stands only, the ledger refuses reports of another, and grants no more while leases of one that has ended live',
    node: () => replaced(LeasePool.prototype, 'keepOnly', () => () => undefined),
  },
];

// --- internal ---

// oxlint-disable-next-line typescript/no-explicit-any
type Method = (this: any, ...args: unknown[]) => unknown;

/** Puts another method in the place of one, and returns what puts it back. */
function replaced(prototype: object, name: string, make: (original: Method) => Method): () => void {
  const methods = prototype as Record<string, Method>;
  const original = methods[name];
  if (original === undefined) throw new Error(`there is no ${name}`);
  methods[name] = make(original);
  return () => {
    methods[name] = original;
  };
}

function replacedGetter(prototype: object, name: string, get: (this: unknown) => unknown): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name);
  if (original === undefined) throw new Error(`there is no ${name}`);
  Object.defineProperty(prototype, name, { ...original, get });
  return () => {
    Object.defineProperty(prototype, name, original);
  };
}
