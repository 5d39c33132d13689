/**
 * Fault proof: what a fleet promises whatever happens to its server or its network, as one procedure.
 *
 *   closed ── the fault begins, the dependency breaks ─► open everywhere ── the fault ends ─► agreed ── it is well ─► closed
 *
 * In all of it no call waits, none fails because of the server, and no process goes by an older ruling than before.
 *
 * @module
 */

import { expect } from 'vitest';

import { sleep } from '../redis-lab/eventually.ts';
import type { RedisServer } from '../redis-lab/redis-server.ts';
import type { SharingFleet } from './circuit-fleet.ts';
import type { MemberReport } from './circuit-member.ts';
import { lessLag } from './timer-lag.ts';

/** Opens quickly, and probes every second. */
export const proofOptions = {
  window: { kind: 'count', size: 10 },
  minimumCalls: 5,
  openForMs: 1000,
  maxOpenForMs: 1000,
  maxProbes: 1,
  probeLeaseMs: 500,
} as const;

/** A fault: how it begins and how it ends. It has ended when the server could be reached and written by all again. */
export interface Fault {
  readonly begin: () => unknown;
  readonly end: () => unknown;
  /** Time for which it lasts once all are open. Milliseconds. @defaultValue 1000 */
  readonly forMs?: number;
  /** Processes that must share while it lasts. */
  readonly unharmed?: readonly number[];
  /** Processes whose requests must come to nothing while it lasts: so it is seen that there is a fault. */
  readonly harmed?: readonly number[];
  /** Servers that are there in the end; looked through for keys that would stay for ever. */
  readonly servers: () => readonly RedisServer[];
}

/** Lets a fleet that is started go through a fault. Returns the last reports. */
export async function survives(sharing: SharingFleet, fault: Fault): Promise<readonly MemberReport[]> {
  const { dependency, fleet, until } = sharing;
  const before = await begin(sharing);
  await fault.begin();
  dependency.set('failing');
  await until('an open circuit everywhere', ({ state }) => state !== 'closed');
  await sleep(fault.forMs ?? 1000);
  const during = await whileItLasts(sharing, fault, before);
  await fault.end();

  let agreed: readonly MemberReport[] = [];
  const agree = async () => (agreed = await until('agreement', agreement(fleet.running().length)));
  expect(await lessLag(fleet, agree)).toBeLessThan(AGREEMENT_MS);
  dependency.set('ok');
  const last = await until('a closed circuit', ({ state, fleet: { view } }) => state === 'closed' && view === 'fresh');
  expectUntouched([...during, ...agreed, ...last]);
  for (const server of fault.servers()) expect(await server.keysWithoutTtl()).toEqual([]);
  return last;
}

/** Whether reports are of processes that share, go by the same ruling, and do nothing in spite of it. Asked of one after the other. */
function agreement(count: number): (report: MemberReport, index: number) => boolean {
  let epoch = 0;
  return ({ mode, state, nodes, fleet: { view, ruling, override } }, index) => {
    if (index === 0) ({ epoch } = ruling);
    const isShared = mode === 'shared' && view === 'fresh' && nodes === count;
    return isShared && epoch > 0 && ruling.epoch === epoch && state !== 'closed' && override === undefined;
  };
}

/** Says that no call has waited for the server or failed because of it, and that no ruling has gone back. */
export function expectUntouched(reports: readonly MemberReport[]): void {
  expect(reports.flatMap(({ strange }) => strange)).toEqual([]);
  expect(Math.max(...reports.map(({ lateRefusals }) => lateRefusals))).toBe(0);
  expect(Math.max(...reports.map(({ setbacks }) => setbacks))).toBe(0);
}

// --- internal ---

const AGREEMENT_MS = 3000;

async function begin({ dependency, fleet, until }: SharingFleet): Promise<readonly MemberReport[]> {
  dependency.set('ok');
  await fleet.askAll('ready');
  await until('a fleet that knows how many it is', ({ nodes }) => nodes === fleet.running().length);
  await fleet.askAll('call', 20);
  await until('a closed circuit', ({ state, mode }) => state === 'closed' && mode === 'shared');
  return fleet.askAll('report');
}

function shares({ mode, fleet: { ruling } }: MemberReport): boolean {
  return mode === 'shared' && ruling.epoch > 0 && ruling.state !== 'closed';
}

/** The reports while the fault lasts, once it is seen who has it and who has not. */
function whileItLasts(
  { until }: SharingFleet,
  { harmed = [], unharmed = [] }: Fault,
  before: readonly MemberReport[],
): Promise<readonly MemberReport[]> {
  const isAsItShould = (report: MemberReport, index: number): boolean =>
    (!unharmed.includes(index) || shares(report)) &&
    (!harmed.includes(index) || report.unanswered > (before[index]?.unanswered ?? 0));
  return until('requests that come to nothing, and an open circuit where the fault is not', isAsItShould);
}
