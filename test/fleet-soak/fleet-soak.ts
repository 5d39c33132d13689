/**
 * Fleet soak: processes that share circuits, on a server, a network and machines that fail all the time, and then nothing: what
 * they held must be gone.
 *
 *   storm: stores come and go, faults befall server, network and processes, each key is looked at again and again
 *     └─► calm: no faults, dependencies that are well ─► all circuits are closed ─► all stores are closed ─► nothing is left
 *
 * @module
 */

import { seededRandom } from '@holdfast/core/testing';

import { eventually, sleep } from '../redis-lab/eventually.ts';
import { type Fleet, startFleet } from '../redis-lab/fleet.ts';
import { startRedisServer } from '../redis-lab/redis-server.ts';
import { startTcpProxy } from '../redis-lab/tcp-proxy.ts';
import { type Growth, type Sample, growthOf } from '../soak/slope.ts';
import { type SoakFault, type SoakStage, networkFaults, processFaults, serverFaults } from './soak-faults.ts';
import type { SoakCommands } from './soak-member.ts';
import type { SoakReport, SoakSettings } from './soak-process.ts';
import { serverRemains, wrongKeys } from './server-remains.ts';

/** A soak to run. */
export interface FleetSoakPlan {
  /** Time for which faults strike. Milliseconds. */
  readonly forMs: number;
  readonly seed: number;
  /** Faults of our own to plant in the processes that live to the end, by name. */
  readonly plants?: readonly string[];
  /** Does something to the server when all stores are closed, to see that it is noticed. */
  readonly plantInServer?: (stage: SoakStage) => Promise<void>;
  /** What the heap of a process may grow by. Bytes. @defaultValue {@link maxGrowthBytes} */
  readonly maxGrowthBytes?: number;
  /** Told what happens, for people. */
  readonly tell?: (line: string) => void;
}

/** A soak that has run. */
export interface FleetSoakVerdict {
  /** How often each fault has struck, the keys were looked at, and what the soak is about has happened. */
  readonly counts: Readonly<Record<string, number>>;
  /** Of the heap of each process that lived to the end. */
  readonly growth: readonly Growth[];
  /** What is wrong, as sentences; empty if nothing is. */
  readonly complaints: readonly string[];
}

/** What the line through the samples of a heap may grow by, however long the soak. Bytes. */
export const maxGrowthBytes = 1024 * 1024;

/** Runs a soak on a server, a network and processes of its own; none of them is left when it resolves. */
export async function fleetSoak(plan: FleetSoakPlan): Promise<FleetSoakVerdict> {
  await using server = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  await using proxy = await startTcpProxy(server.port);
  const settings = (index: number): SoakSettings => ({
    seed: plan.seed,
    port: proxy.port,
    plants: index < STEADY_COUNT ? (plan.plants ?? []) : [],
  });
  const module = new URL('soak-member.ts', import.meta.url);
  await using fleet = await startFleet<SoakCommands>({ module, count: 3, settings, nodeFlags: ['--expose-gc'] });
  const soak = new Soak(plan, { server, proxy, fleet, steadyCount: STEADY_COUNT });
  await soak.storm();
  await soak.calm();
  return soak.verdict();
}

// --- internal ---

/** Processes that live to the end. */
const STEADY_COUNT = 2;

/** Samples of a heap in all, and the share of them in which it may still find its size. */
const [SAMPLES, WARM_UP_RATIO] = [40, 0.4];

/** Time within which all circuits must be closed when the faults have stopped. Milliseconds. */
const CALM_MS = 40_000;

class Soak {
  private readonly plan: FleetSoakPlan;
  private readonly stage: SoakStage;
  private readonly counts: Record<string, number> = {};
  private readonly samples: Sample[][] = Array.from({ length: STEADY_COUNT }, () => []);
  private readonly complaints: string[] = [];
  private readonly until: number;

  constructor(plan: FleetSoakPlan, stage: SoakStage) {
    this.plan = plan;
    this.stage = stage;
    this.until = performance.now() + plan.forMs;
  }

  /** Faults strike, until the time is over. */
  async storm(): Promise<void> {
    const { seed, forMs } = this.plan;
    await Promise.all([
      this.befall(serverFaults, seededRandom(seed + 1001), { pauseMs: 2500, after: () => this.sweep() }),
      this.befall(networkFaults, seededRandom(seed + 1002), { pauseMs: 2500 }),
      this.befall(processFaults, seededRandom(seed + 1003), { pauseMs: 6000 }),
      this.measure(forMs / SAMPLES),
    ]);
  }

  /** Nothing strikes any more: all must agree, close, and go. */
  async calm(): Promise<void> {
    const { fleet, proxy, server } = this.stage;
    await proxy.heal();
    await fleet.askAll('calmDown');
    await this.allClosed(fleet);
    await this.sweep();
    const reports = await fleet.askAll('finish');
    for (const [at, report] of reports.entries()) this.take(fleet.running()[at]?.index ?? at, report);
    await this.plan.plantInServer?.(this.stage);
    await this.sweep();
    const left = fleet.running().map(({ index }) => `steady-${index}`);
    let remains: readonly string[] = [];
    const areGone = async (): Promise<boolean> => (remains = await serverRemains(server, proxy, left)).length === 0;
    await eventually(areGone, { what: 'nothing', limitMs: 3000, everyMs: 100 }).catch(() => {});
    this.complaints.push(...remains);
  }

  verdict(): FleetSoakVerdict {
    const { maxGrowthBytes: most = maxGrowthBytes } = this.plan;
    const growth = this.samples.map((samples) => growthOf(samples, WARM_UP_RATIO));
    const grown = growth.flatMap(({ bytes }, index) =>
      bytes > most ? [`the heap of process ${index} grew by ${Math.round(bytes / 1024)} KiB`] : [],
    );
    return { counts: this.counts, growth, complaints: [...new Set([...this.complaints, ...grown])] };
  }

  // --- internal ---

  private async befall(
    faults: readonly SoakFault[],
    random: () => number,
    { pauseMs, after }: { readonly pauseMs: number; readonly after?: () => Promise<void> },
  ): Promise<void> {
    while (this.isOn) {
      await sleep(random() * pauseMs);
      if (!this.isOn) break;
      const fault = faults[Math.floor(random() * faults.length)] as SoakFault;
      this.count(fault.name);
      this.plan.tell?.(fault.name);
      await fault.strike(this.stage, random);
      await after?.();
    }
  }

  private async measure(everyMs: number): Promise<void> {
    while (this.isOn) {
      await sleep(everyMs);
      const members = this.stage.fleet.members.slice(0, STEADY_COUNT);
      const taken = await Promise.all(members.map((member) => member.ask('sample')));
      for (const [index, sample] of taken.entries()) this.samples[index]?.push(sample);
    }
  }

  private async sweep(): Promise<void> {
    this.count('the keys are looked at');
    this.complaints.push(...(await wrongKeys(this.stage.server)));
  }

  private async allClosed(fleet: Fleet<SoakCommands>): Promise<void> {
    let last: readonly string[] = [];
    const areCalm = async (): Promise<boolean> => (last = await fleet.askAll('isCalm')).every((why) => why === '');
    try {
      await eventually(areCalm, { what: 'circuits that are closed', limitMs: CALM_MS, everyMs: 200 });
    } catch {
      this.complaints.push(`after the faults not all circuits closed:\n${last.join('\n')}`);
    }
  }

  private take(index: number, { counts, complaints }: SoakReport): void {
    for (const [what, count] of Object.entries(counts)) this.count(what, count);
    this.complaints.push(...complaints.map((what) => `process ${index}: ${what}`));
  }

  private get isOn(): boolean {
    return performance.now() < this.until;
  }

  private count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}
