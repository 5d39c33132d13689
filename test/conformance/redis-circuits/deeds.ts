/**
 * Deeds: what could happen to a ledger, in any order: nodes that are well-behaved, late, repeat themselves, come from another
 * time or are wrong, a clock that jumps, a server that forgets.
 *
 * A {@link Deed} is small and says nothing of epochs and leases: those come from what the replies so far have told (see
 * `random-fleet.ts`), so that a run that was shortened still makes sense.
 *
 * @module
 */

import type { HoldRequest, Proposal } from '@holdfast/core/fleet';
import fc from 'fast-check';

/** What happens next. */
export type Deed =
  | { readonly deed: 'time'; readonly us: number }
  | {
      readonly deed: 'sync';
      readonly node: number;
      readonly presence: boolean;
      readonly leaves: boolean;
      readonly knows: Knowledge;
      readonly limit: number;
    }
  | { readonly deed: 'step'; readonly node: number; readonly wishes: readonly Wish[]; readonly fleetSize: number }
  | { readonly deed: 'flush'; readonly node: number; readonly loads: readonly Load[]; readonly isRepeated: boolean }
  | {
      readonly deed: 'hold';
      readonly node: number;
      readonly circuit: number;
      readonly state: HoldRequest['state'];
      readonly forMs: number;
      readonly basis: Basis;
    }
  | {
      readonly deed: 'storm';
      readonly node: number;
      readonly from: number;
      readonly count: number;
      readonly fleetSize: number;
    }
  | { readonly deed: 'ghost'; readonly back: number }
  | { readonly deed: 'server'; readonly what: 'flush' | 'restart' | 'failover' | 'snapshot' | 'deny-info' };

/** What a node says that it knows. */
type Knowledge = 'last' | 'nothing' | 'other' | 'more';
/** Which of the epochs that were told a proposal is based on. */
export type Basis = 'known' | 'latest' | 'parent' | 'old' | 'ahead' | 'none';

/** A proposal without its epoch and names. */
export interface Wish {
  readonly kind: Proposal['kind'];
  readonly circuit: number;
  readonly basis: Basis;
  /** Which of the leases known: from the latest. */
  readonly lease: number;
  /** Chooses everything else. */
  readonly choice: number;
}

/** An item of a flush without its epoch. */
interface Load {
  readonly circuit: number;
  readonly basis: Basis;
  readonly successes: number;
  readonly failures: number;
  readonly choice: number;
}

/** Names of the circuits, by number: some must be encoded. */
export const circuits: readonly string[] = ['prices', 'stock/eu:1', 'grüße, 1%', '-'];
/** Names of the nodes. */
export const nodes: readonly string[] = ['n0', 'n1', 'n2', 'n3', 'n4'];

const circuit = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.nat(circuits.length - 1) },
);
const node = fc.nat(nodes.length - 1);
const basis = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Basis>('known') },
  { weight: 24, arbitrary: fc.constant<Basis>('latest') },
  { weight: 3, arbitrary: fc.constant<Basis>('parent') },
  { weight: 1, arbitrary: fc.constantFrom<Basis>('old', 'ahead', 'none') },
);
/** Kinds of proposals, those that lead somewhere more often. */
const kinds =
  'trip trip trip claim claim claim claim report report report report report release local-close seed bell'.split(
    ' ',
  ) as readonly Proposal['kind'][];

const wish: fc.Arbitrary<Wish> = fc.record({
  kind: fc.constantFrom(...kinds),
  circuit,
  basis,
  lease: fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(12) }),
  choice: fc.nat(4095),
});
const load: fc.Arbitrary<Load> = fc.record({
  circuit,
  basis,
  successes: fc.nat(4),
  failures: fc.nat(4),
  choice: fc.nat(255),
});

const steps = [
  1, 999, 1000, 50_000, 100_500, 300_000, 500_000, 1_000_000, 1_700_000, 4_000_000, 10_000_000, 14_999_999,
];
const jumps = [
  10_000_000, 14_999_999, 16_000_000, 61_000_000, 3_600_000_000, -1, -500_000, -16_000_000, -3_600_000_000,
];

/** Any deed, the usual ones more often. */
export const anyDeed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 9, arbitrary: fc.record({ deed: fc.constant('time' as const), us: fc.constantFrom(...steps) }) },
  { weight: 1, arbitrary: fc.record({ deed: fc.constant('time' as const), us: fc.constantFrom(...jumps) }) },
  {
    weight: 9,
    arbitrary: fc.record({
      deed: fc.constant('sync' as const),
      node,
      presence: fc.boolean(),
      leaves: fc.nat(9).map((drawn) => drawn === 0),
      knows: fc.constantFrom<Knowledge>('last', 'last', 'last', 'last', 'nothing', 'other', 'more'),
      limit: fc.constantFrom(1, 2, 100, 100),
    }),
  },
  {
    weight: 24,
    arbitrary: fc.record({
      deed: fc.constant('step' as const),
      node,
      wishes: fc.array(wish, { minLength: 1, maxLength: 3, size: 'max' }),
      fleetSize: fc.constantFrom(1, 5, 5, 40_000, 1_000_000),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      deed: fc.constant('flush' as const),
      node,
      loads: fc.array(load, { minLength: 1, maxLength: 2, size: 'max' }),
      isRepeated: fc.constantFrom(false, false, false, true),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      deed: fc.constant('hold' as const),
      node,
      circuit,
      state: fc.constantFrom<HoldRequest['state']>('forced-open', 'forced-closed', 'auto', 'auto', 'closed', 'closed'),
      forMs: fc.constantFrom(0, 1, 1000.5, 5000, 9e9),
      basis,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      deed: fc.constant('storm' as const),
      node,
      from: fc.nat(40),
      count: fc.integer({ min: 10, max: 32 }),
      fleetSize: fc.constantFrom(1, 40_000),
    }),
  },
  { weight: 3, arbitrary: fc.record({ deed: fc.constant('ghost' as const), back: fc.nat(30) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      deed: fc.constant('server' as const),
      what: fc.constantFrom('flush', 'restart', 'failover', 'snapshot', 'snapshot', 'deny-info'),
    }),
  },
);
