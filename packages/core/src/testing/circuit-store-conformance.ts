/**
 * Circuit store conformance: what every store of circuits must do, as data that any test runner can run.
 *
 * A subject makes the nodes of a fleet and lets time pass: virtual time for a store in memory, real time for a server.
 *
 * @module
 */

import type { ProbeLease } from '../kernel/circuit-store.ts';
import {
  type CircuitStoreSubject,
  type ConformanceBreaker,
  type ConformanceFleet,
  assertThat,
  fleetOf,
} from './conformance-fleet.ts';
import { callAll, plainMember } from './plain-member.ts';

export type { CircuitStoreSubject, ConformanceBreaker, ConformanceOptions } from './conformance-fleet.ts';

/** One case of the suite. */
export interface ConformanceCase {
  readonly name: string;
  run(subject: CircuitStoreSubject): Promise<void>;
}

/** What every store of circuits must do. */
export const circuitStoreConformance: readonly ConformanceCase[] = Object.freeze([
  {
    name: 'opens the fleet when a quorum has opened, and leaves one bad node alone',
    run: (subject) =>
      fleetOf(subject, 4, { openForMs: 5000 }, async ({ breakers, fail, all, pass }) => {
        fail(0);
        await pass(200);
        const states = breakers.map(({ state }) => state).join();
        assertThat(states === 'open,closed,closed,closed', `one node opened the fleet: ${states}`);
        fail(1);
        await all('open');
        const { ruling, view } = breakers[3]!.snapshot().fleet ?? {};
        assertThat(view === 'fresh' && ruling?.state === 'open', 'the ruling is not explained');
        assertThat(ruling.by.toSorted().join() === 'n0,n1', `the voters are ${ruling.by.join()}`);
        assertThat(ruling.reason === 'failureRatio' && ruling.epoch > 0, `the reason is ${ruling.reason}`);
      }),
  },
  {
    name: 'grants no more probes than there may be, and closes all by what they come to',
    run: (subject) =>
      fleetOf(subject, 4, { maxProbes: 2, probeSuccessRatio: 1, probeLeaseMs: 2000 }, async (fleet) => {
        await fleet.open();
        const permits = await fleet.probes(2);
        await fleet.pass(100, () => permits.push(...fleet.acquire()));
        assertThat(permits.length === 2, `${permits.length} probes run`);
        permits[0]!.success();
        await fleet.pass(100, () => permits.push(...fleet.acquire()));
        assertThat(permits.length === 2 && fleet.states() !== 'closed', 'one probe of two has closed the circuit');
        permits[1]!.success();
        await fleet.all('closed');
      }),
  },
  {
    name: 'opens all again when enough cannot succeed, for longer',
    run: (subject) =>
      fleetOf(subject, 3, { openBackoffRatio: 4 }, async (fleet) => {
        await fleet.open();
        const [probe] = await fleet.probes(1);
        probe!.failure();
        await subject.until(() => fleet.breakers.every((breaker) => breaker.snapshot().reopenings === 1), WITHIN_MS);
        const left = fleet.breakers.map((breaker) => breaker.snapshot().fleet!.ruling.remainingMs);
        assertThat(
          left.every((ms) => ms > OPEN_MS && ms <= 4 * OPEN_MS),
          `the time left is ${left.join()}`,
        );
      }),
  },
  {
    name: 'gives another node the lease of a breaker that has left',
    run: (subject) => fleetOf(subject, 2, longLease, (fleet) => handsOver(subject, fleet, (one) => one.dispose())),
  },
  {
    name: 'gives another node the lease of a store that was closed',
    run: (subject) => fleetOf(subject, 2, longLease, (fleet) => handsOver(subject, fleet, (one) => one.close())),
  },
  {
    name: 'gives another node the lease of a probe that never ends, when its time is over',
    run: (subject) =>
      fleetOf(subject, 2, {}, async (fleet) => {
        await fleet.open();
        await fleet.probes(1);
        const [next] = await fleet.probes(1);
        next!.success();
        await fleet.all('closed');
      }),
  },
  {
    name: 'gives back the lease of a probe that says nothing',
    run: (subject) =>
      fleetOf(subject, 2, longLease, async (fleet) => {
        await fleet.open();
        const [probe] = await fleet.probes(1);
        probe!.ignore();
        await fleet.probes(1, SOON_MS);
      }),
  },
  {
    name: 'holds all open until the time is over, and then lets probes through',
    run: (subject) =>
      fleetOf(subject, 2, {}, async (fleet) => {
        await subject.hold(fleet.stores[0]!, fleet.name, 'open', 2000);
        await fleet.all('forced-open');
        assertThat(fleet.acquire().length === 0, 'a call runs through a circuit that is held open');
        await fleet.all('half-open');
        const [probe] = await fleet.probes(1);
        probe!.success();
        await fleet.all('closed');
      }),
  },
  {
    name: 'holds all closed, whatever calls come to, until that is ended',
    run: (subject) =>
      fleetOf(subject, 2, {}, async (fleet) => {
        await subject.hold(fleet.stores[1]!, fleet.name, 'closed', 60_000);
        await fleet.all('forced-closed');
        fleet.fail(0);
        fleet.fail(1);
        assertThat(fleet.states() === 'forced-closed', `it is ${fleet.states()}`);
        const { ruling } = fleet.breakers[0]!.snapshot().fleet ?? {};
        assertThat(ruling?.state === 'forced-closed' && ruling.by.length === 1, 'the hold is not explained');
        await subject.hold(fleet.stores[0]!, fleet.name, 'auto', 1);
        await fleet.all('closed');
      }),
  },
  {
    name: 'lets calls come back gradually on all nodes',
    run: (subject) =>
      fleetOf(subject, 3, { rampUpMs: 10_000 }, async (fleet) => {
        await fleet.open();
        const [probe] = await fleet.probes(1);
        probe!.success();
        await fleet.all('closed');
        const ratios = fleet.breakers.map((breaker) => breaker.snapshot().passRatio);
        assertThat(
          ratios.every((ratio) => ratio < 0.6),
          `the shares that pass are ${ratios.join()}`,
        );
      }),
  },
  {
    name: 'says how it is',
    run: (subject) =>
      fleetOf(subject, 2, {}, async ({ stores }) => {
        const health = stores[0]!.health();
        assertThat(health.mode === 'shared' && health.problem === undefined, `it is ${health.mode}`);
        assertThat(health.nodes === 2 && health.silentMs < 60_000 && health.name !== '', 'the health is not told');
        const syncs = health.operations.find(({ operation, result }) => operation === 'sync' && result === 'ok');
        assertThat(syncs !== undefined && syncs.count > 0 && health.latency.count > 0, 'no request is counted');
      }),
  },
  {
    name: 'leaves its breakers alone after it was closed, which may be twice',
    run: (subject) =>
      fleetOf(subject, 3, {}, async (fleet) => {
        await Promise.all([fleet.stores[0]!.close(), fleet.stores[0]!.close()]);
        fleet.fail(1);
        fleet.fail(2);
        await subject.until(() => fleet.breakers.slice(1).every(({ state }) => state === 'open'), WITHIN_MS);
        assertThat(fleet.breakers[0]!.state === 'closed', 'a store that was closed has told a ruling');
        fleet.fail(0);
        await subject.until(() => fleet.breakers[0]!.state === 'half-open', WITHIN_MS);
        fleet.breakers[0]!.tryAcquire()?.success();
        assertThat(fleet.breakers[0]!.state === 'closed', 'a breaker without its store does not probe by itself');
      }),
  },
  {
    name: '(1) returns at once from every method, with no promise and no throw, also after it was left and closed',
    run: (subject) =>
      fleetOf(subject, 1, {}, async ({ stores, pass }) => {
        const [store] = stores;
        const { member, shared } = plainMember(store!);
        callAll(shared);
        await pass(50);
        callAll(shared);
        shared.leave();
        callAll(shared);
        await store!.close();
        callAll(shared);
        callAll(store!.join(member));
      }),
  },
  {
    name: '(2) takes one verdict of a lease',
    run: (subject) =>
      fleetOf(subject, 2, { maxProbes: 2, probeSuccessRatio: 1 }, async (fleet) => {
        await fleet.open();
        const { shared } = plainMember(fleet.stores[0]!, fleet.name);
        const leases: ProbeLease[] = [];
        const ask = (): boolean => {
          const answer = shared.probe();
          return typeof answer === 'object' && leases.push(answer) > 0;
        };
        await subject.until(ask, WITHIN_MS);
        leases[0]?.settle('success', 0);
        leases[0]?.settle('success', 0);
        await fleet.pass(200);
        leases[0]?.settle('success', 0);
        await fleet.pass(200);
        assertThat(fleet.states() !== 'closed', 'one probe counts for two');
      }),
  },
  {
    name: '(3) changes nothing when somebody joins or leaves',
    run: (subject) =>
      fleetOf(subject, 2, {}, async ({ stores, breakers, pass }) => {
        const { shared } = plainMember(stores[0]!);
        await pass(200);
        shared.leave();
        await pass(200);
        const epochs = breakers.map((breaker) => breaker.snapshot().fleet!.ruling.epoch);
        assertThat(epochs.join() === '0,0' && shared.explain().ruling.epoch === 0, 'something was ruled');
      }),
  },
  {
    name: '(4) tells a member that has left nothing any more',
    run: (subject) =>
      fleetOf(subject, 2, {}, async (fleet) => {
        const { shared, told } = plainMember(fleet.stores[0]!, fleet.name);
        shared.leave();
        await fleet.open();
        assertThat(told.length === 0, 'it was told of a ruling');
      }),
  },
]);

// --- internal ---

/** Time within which whatever is to happen does. Milliseconds. */
const WITHIN_MS = 10_000;

/** Time within which a lease that was given back is granted again: before it would have run out. Milliseconds. */
const SOON_MS = 2000;

const OPEN_MS = 1000;

const longLease = { probeLeaseMs: 3000 };

/** Lets node 0 have the lease, takes it from it, and asks for it at node 1. */
async function handsOver(
  subject: CircuitStoreSubject,
  { breakers, stores, open }: ConformanceFleet,
  takeAway: (one: { dispose(): void; close(): Promise<void> }) => unknown,
): Promise<void> {
  await open();
  const [one, other] = breakers as [ConformanceBreaker, ConformanceBreaker];
  await subject.until(() => one.state === 'half-open', WITHIN_MS);
  await subject.until(() => hasLease(one), WITHIN_MS);
  await takeAway({ dispose: () => one[Symbol.dispose](), close: () => stores[0]!.close() });
  await subject.until(() => other.tryAcquire() !== undefined, SOON_MS);
}

/** Asks for a probe until a lease is in hand, and leaves it there. */
function hasLease(breaker: ConformanceBreaker): boolean {
  const isThere = (breaker.snapshot().fleet?.leases ?? 0) > 0;
  if (!isThere) breaker.tryAcquire()?.ignore();
  return isThere;
}
