import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { eventually } from '../redis-lab/eventually.ts';
import { startFlakyDependency } from '../redis-lab/flaky-dependency.ts';
import type { SourceEdit } from '../redis-lab/member-program.ts';
import { type RedisServer, startRedisServer } from '../redis-lab/redis-server.ts';
import { type SharingFleet, startSharing } from './circuit-fleet.ts';
import type { MemberReport } from './circuit-member.ts';
import { expectUntouched, proofOptions } from './fault-proof.ts';
import * as releases from './neighbour-releases.ts';

let server: RedisServer;
let count = 0;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());

/** Two processes of this release and two of a neighbour, in front of one dependency. */
async function mixed(edits: readonly SourceEdit[]) {
  const dependency = await startFlakyDependency();
  const namespace = `wire${++count}`;
  const plan = {
    count: 2,
    options: proofOptions,
    namespace,
    dependency,
    placeOf: () => ({ kind: 'lone', port: server.port }) as const,
  };
  const [ours, theirs] = await Promise.all([
    startSharing({ ...plan, names: 'ours' }),
    startSharing({ ...plan, names: 'theirs', edits }),
  ]);
  const stop = async (): Promise<void> => {
    await Promise.all([ours[Symbol.asyncDispose](), theirs[Symbol.asyncDispose]()]);
    await dependency.stop();
  };
  return { dependency, ours, theirs, namespace, [Symbol.asyncDispose]: stop };
}

type Mixed = Awaited<ReturnType<typeof mixed>>;

/** Waits until the processes of both releases are as wanted. */
function both(
  { ours, theirs }: Mixed,
  what: string,
  holds: (report: MemberReport) => boolean,
): Promise<readonly MemberReport[]> {
  return eventually(
    async () => {
      const reports = [...(await ours.fleet.askAll('report')), ...(await theirs.fleet.askAll('report'))];
      return reports.every(holds) && reports;
    },
    { what, everyMs: 50, limitMs: 15_000 },
  );
}

const call = async ({ fleet }: SharingFleet, everyMs: number): Promise<void> =>
  void (await fleet.askAll('call', everyMs));

/** Lets `finders` find out that the dependency is down, and `probers` that it is back. Returns what all have said. */
async function opensAndCloses(
  all: Mixed,
  finders: SharingFleet,
  probers: SharingFleet,
): Promise<readonly MemberReport[]> {
  all.dependency.set('failing');
  await call(finders, 20);
  const opened = await both(all, 'an open circuit', ({ fleet: { ruling } }) => ruling.state !== 'closed');
  await call(finders, 0);
  all.dependency.set('ok');
  await call(probers, 20);
  const closed = await both(
    all,
    'a closed circuit',
    ({ fleet: { ruling } }) => ruling.epoch > 0 && ruling.state === 'closed',
  );
  await call(probers, 0);
  expect(new Set(closed.map(({ fleet: { ruling } }) => ruling.epoch)).size).toBe(1);
  return [...opened, ...closed];
}

/** What a process said that goes beyond being connected or not. */
function complaints({ told }: MemberReport): readonly string[] {
  return told.filter((event) => !/mode-changed|recovered/.test(event));
}

const stored = ({ namespace }: Mixed): Promise<string | null> =>
  server.admin.hget(`rb1:{${namespace}/0}:v`, 'dependency');

describe.concurrent('a fleet of two releases', () => {
  it.for([
    ['a later one with further words, fields and notes', releases.laterMinor],
    ['an earlier one that knows no notes', releases.earlierReader],
  ] as const)('opens, probes and closes together, whoever begins: this one and %s', async ([, edits]) => {
    await using all = await mixed(edits);
    await both(all, 'four that share', ({ mode, nodes }) => mode === 'shared' && nodes === 4);

    const reports = [
      ...(await opensAndCloses(all, all.theirs, all.ours)),
      ...(await opensAndCloses(all, all.ours, all.theirs)),
    ];
    expectUntouched(reports);
    expect(reports.flatMap(complaints)).toEqual([]);
    expect(await server.keysWithoutTtl()).toEqual([]);
  });

  it('keeps the notes of a later one as long as the ruling stands', async () => {
    await using all = await mixed(releases.laterMinor);
    all.dependency.set('failing');
    await call(all.theirs, 20);
    await both(all, 'an open circuit', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    expect(await stored(all)).toMatch(/ O .* zone=eu-7/);
    await call(all.theirs, 0);
    all.dependency.set('ok');
    await call(all.ours, 20);
    await both(all, 'a closed circuit', ({ state }) => state === 'closed');

    expect(await stored(all)).toMatch(/ C /);
    expect(await stored(all)).not.toContain('zone');
  });

  it.for([
    [
      'an earlier one that cannot read this one',
      releases.earlierMinor,
      'theirs',
      'minor version 1, and this process 0',
    ],
    ['a later one that this one cannot read', releases.demandingMinor, 'ours', 'minor version 2, and this process 1'],
  ] as const)('has one decide alone, which says so: %s', async ([, edits, alone, words]) => {
    await using all = await mixed(edits);
    const sharing = alone === 'ours' ? all.theirs : all.ours;
    await sharing.until('two that share', ({ mode, nodes }) => mode === 'shared' && nodes === 4);
    await all[alone].until('two that do not', ({ mode, told }) => mode === 'local' && told.join(' ').includes(words));

    all.dependency.set('failing');
    await Promise.all([call(all.ours, 20), call(all.theirs, 20)]);
    const opened = await both(all, 'open circuits', ({ state }) => state !== 'closed');
    await sharing.until('the fleet open', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    all.dependency.set('ok');
    const closed = await both(all, 'closed circuits', ({ state }) => state === 'closed');

    expectUntouched([...opened, ...closed]);
    const lone = await all[alone].fleet.askAll('report');
    expect(lone.map(({ fleet: { ruling } }) => ruling.epoch)).toEqual([0, 0]);
    expect(lone.map((report) => complaints(report).length)).toEqual([1, 1]);
    expect((await sharing.fleet.askAll('report')).flatMap(complaints)).toEqual([]);
  });

  it.for([
    ['of this one', 'ours', 'theirs', 'O'],
    ['of a later one', 'theirs', 'ours', 'W'],
  ] as const)(
    'decides alone on a circuit with a state that it does not know, %s, until it is one that it knows',
    async ([, from, to, letter]) => {
      await using all = await mixed(releases.otherLetter);
      await both(all, 'four that share', ({ mode, nodes }) => mode === 'shared' && nodes === 4);
      all.dependency.set('failing');
      await call(all[from], 20);
      await all[from].until('an open circuit', ({ fleet: { ruling } }) => ruling.state !== 'closed');
      const words = `circuit-store.incompatible a ruling that this version cannot read: ${letter} dependency`;
      const heard = await all[to].until('the event', ({ told }) => told.includes(words));
      expect(heard.map(({ mode, state }) => [mode, state])).toEqual([
        ['shared', 'closed'],
        ['shared', 'closed'],
      ]);

      await call(all[to], 20);
      await both(all, 'open circuits', ({ state }) => state !== 'closed');
      all.dependency.set('ok');
      const closed = await both(
        all,
        'one closed ruling',
        ({ state, fleet: { ruling } }) => state === 'closed' && ruling.epoch > 0,
      );
      expectUntouched(closed);
      expect(closed.map((report) => complaints(report).length)).toEqual(from === 'ours' ? [0, 0, 1, 1] : [1, 1, 0, 0]);
    },
  );

  it('is two fleets where the major versions differ, and neither hears of the other', async () => {
    await using all = await mixed(releases.otherMajor);
    await both(all, 'two and two that share', ({ mode, nodes }) => mode === 'shared' && nodes === 2);
    all.dependency.set('failing');
    await call(all.theirs, 20);
    await all.theirs.until('an open circuit', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    const ours = await all.ours.fleet.askAll('report');
    expect(ours.map(({ state, fleet: { ruling } }) => [state, ruling.epoch])).toEqual([
      ['closed', 0],
      ['closed', 0],
    ]);
    await call(all.ours, 20);
    await all.ours.until('an open circuit', ({ fleet: { ruling } }) => ruling.state !== 'closed');
    all.dependency.set('ok');
    const closed = await both(
      all,
      'closed circuits',
      ({ state, fleet: { ruling } }) => state === 'closed' && ruling.epoch > 0,
    );

    expectUntouched(closed);
    expect(closed.flatMap(complaints)).toEqual([]);
    expect(
      (await server.keys()).filter((key) => key.includes(`{${all.namespace}/`)).map((key) => key.slice(0, 4)),
    ).toEqual(expect.arrayContaining(['rb1:', 'rb2:']));
    expect(await server.keysWithoutTtl()).toEqual([]);
  });
});
