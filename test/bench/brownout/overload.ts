/**
 * Overload: measures what a service can do, sends it several times as much, with brownout and without in turns, and watches
 * how the level goes back.
 *
 * @module
 */

import { type Fleet, startFleet } from '../../redis-lab/fleet.ts';
import { quantile } from '../statistics.ts';
import type { LoadCommands, LoadResult } from './load.ts';
import type { Sample, ServiceCommands, ServiceSettings } from './service.ts';

/** How much to measure. */
export interface OverloadPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly capacitySeconds: number;
  /** Watches the level go back to 0 for at most so long; 0 does not. */
  readonly restoreSeconds: number;
}

/** A figure of the service with brownout and of the one without. */
export interface Pair {
  readonly with: number;
  readonly without: number;
}

/** What was found. */
export interface OverloadResults {
  /** Requests of both kinds that an undegraded service answers in a second, with a few under way at all times. */
  readonly capacityPerSecond: number;
  readonly offeredRatio: number;
  readonly criticalRatio: number;
  readonly deadlineMs: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Critical requests answered in time in a second, as a share of the capacity. */
  readonly criticalGoodputRatio: Pair;
  /** Requests of both kinds answered in time in a second, as a share of the capacity. */
  readonly totalGoodputRatio: Pair;
  /** Critical requests answered in time, as a share of those sent. */
  readonly criticalAnsweredRatio: Pair;
  /** Answers in time that were degraded. */
  readonly degradedRatio: Pair;
  /** Nine of ten and 99 of 100 answers in time came within. Milliseconds. */
  readonly p90Ms: Pair;
  readonly p99Ms: Pair;
  /** How late the load sent its latest request. Milliseconds. */
  readonly worstDelayMs: Pair;
  /** The level at the end of the last round. */
  readonly level: number;
  /** From the end of the load to level 0; undefined where it was not watched, or not reached. */
  readonly restoredSeconds: number | undefined;
  /** What the brownout was told in the last round, every half second. */
  readonly samples: readonly Sample[];
}

const OFFERED_RATIO = 3;
const CRITICAL_RATIO = 0.4;
const CAPACITY_TIMES = 3;
/** A process is given up when it does not answer within a minute. */
const MAX_SEND_SECONDS = 40;
const DEADLINE_MS = 500;
/** What is sent while the level goes back, as a share of the capacity. */
const CALM_RATIO = 0.5;

/** Measures. `tell` hears what is under way. */
export async function measureOverload(plan: OverloadPlan, tell: (text: string) => void): Promise<OverloadResults> {
  await using load = await startFleet<LoadCommands>({ module: new URL('load.ts', import.meta.url), count: 1 });
  tell('capacity');
  const capacityPerSecond = await measureCapacity(load, plan);
  const runs = { with: [] as LoadResult[], without: [] as LoadResult[] };
  let last: Watched = { level: 0, samples: [], restoredSeconds: undefined };
  for (let round = 0; round < plan.rounds; round++) {
    for (const side of round % 2 === 0 ? (['without', 'with'] as const) : (['with', 'without'] as const)) {
      tell(`round ${round + 1} of ${plan.rounds}, ${side} brownout`);
      await using service = await startService(side === 'with');
      runs[side].push(await send(load, service, { perSecond: OFFERED_RATIO * capacityPerSecond, ...plan, round }));
      if (side === 'with')
        last = await watch(load, service, { ...plan, capacityPerSecond, isLast: round + 1 === plan.rounds });
    }
  }
  return { ...conditions(plan, capacityPerSecond), ...figures(runs, plan, capacityPerSecond), ...last };
}

/** What a service told, and until when it got too much. */
export interface Recording {
  readonly times: number;
  /** Milliseconds since the service started, as `at` of the samples. */
  readonly overAtMs: number;
  readonly samples: readonly Sample[];
}

/** Sends a service `times` its capacity for a while, then half of it for a minute, and returns what it told. */
export async function recordOverload(times: number, seconds: number): Promise<Recording> {
  await using load = await startFleet<LoadCommands>({ module: new URL('load.ts', import.meta.url), count: 1 });
  const capacityPerSecond = await measureCapacity(load, { capacitySeconds: 5 });
  await using service = await startService(true);
  const sendFor = async (perSecond: number, sendSeconds: number): Promise<void> => {
    const parts = Math.ceil(sendSeconds / MAX_SEND_SECONDS);
    for (let part = 0; part < parts; part++)
      await send(load, service, { perSecond, seconds: sendSeconds / parts, round: part });
  };
  await sendFor(times * capacityPerSecond, seconds);
  const overAtMs = (await service.member(0).ask('samples')).at(-1)?.at ?? 0;
  await sendFor(CALM_RATIO * capacityPerSecond, 62);
  return { times, overAtMs, samples: (await service.member(0).ask('samples')).map(rounded) };
}

// --- internal ---

function rounded(sample: Sample): Sample {
  const short = Object.entries(sample).map(([name, value]) => [name, Number((value as number).toPrecision(6))]);
  return { ...sample, ...(Object.fromEntries(short) as Partial<Sample>) };
}

type Watched = Pick<OverloadResults, 'level' | 'samples' | 'restoredSeconds'>;
type Service = Fleet<ServiceCommands>;

function startService(hasBrownout: boolean): Promise<Service> {
  const settings: ServiceSettings = { hasBrownout };
  return startFleet<ServiceCommands>({
    module: new URL('service.ts', import.meta.url),
    count: 1,
    settings: () => settings,
  });
}

/** The best of some measurements: what else the machine does may make a service slower, and never faster. */
async function measureCapacity(
  load: Fleet<LoadCommands>,
  { capacitySeconds }: Pick<OverloadPlan, 'capacitySeconds'>,
): Promise<number> {
  await using service = await startService(false);
  const port = await service.member(0).ask('port');
  const saturate = (seconds: number): Promise<number> =>
    load.member(0).ask('saturate', { port, seconds, criticalRatio: CRITICAL_RATIO });
  await saturate(1); // warms up
  let best = 0;
  for (let times = 0; times < CAPACITY_TIMES; times++) best = Math.max(best, await saturate(capacitySeconds));
  return best;
}

async function send(
  load: Fleet<LoadCommands>,
  service: Service,
  { perSecond, seconds, round }: { readonly perSecond: number; readonly seconds: number; readonly round: number },
): Promise<LoadResult> {
  const port = await service.member(0).ask('port');
  const shape = { deadlineMs: DEADLINE_MS, criticalRatio: CRITICAL_RATIO };
  return load.member(0).ask('send', { port, perSecond, seconds, seed: round + 1, ...shape });
}

/** Looks at the level after the load, and in the last round at its way back to 0. */
async function watch(
  load: Fleet<LoadCommands>,
  service: Service,
  plan: { readonly capacityPerSecond: number; readonly restoreSeconds: number; readonly isLast: boolean },
): Promise<Watched> {
  const level = await service.member(0).ask('level');
  const overAt = performance.now();
  let restoredSeconds: number | undefined;
  const elapsed = (): number => (performance.now() - overAt) / 1000;
  while (plan.isLast && elapsed() < plan.restoreSeconds && restoredSeconds === undefined) {
    await send(load, service, { perSecond: CALM_RATIO * plan.capacityPerSecond, seconds: 1, round: 0 });
    if ((await service.member(0).ask('level')) === 0) restoredSeconds = elapsed();
  }
  return { level, restoredSeconds, samples: await service.member(0).ask('samples') };
}

function conditions({ rounds, seconds }: OverloadPlan, capacityPerSecond: number) {
  const shape = { offeredRatio: OFFERED_RATIO, criticalRatio: CRITICAL_RATIO, deadlineMs: DEADLINE_MS };
  return { capacityPerSecond, rounds, seconds, ...shape };
}

function figures(
  runs: { readonly with: readonly LoadResult[]; readonly without: readonly LoadResult[] },
  { rounds, seconds }: OverloadPlan,
  capacityPerSecond: number,
) {
  const possible = capacityPerSecond * seconds * rounds;
  const pair = (figure: (results: readonly LoadResult[]) => number): Pair => ({
    with: figure(runs.with),
    without: figure(runs.without),
  });
  const sum = (results: readonly LoadResult[], of: (result: LoadResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const all = (results: readonly LoadResult[]): number =>
    sum(results, ({ critical, optional }) => critical.inTime + optional.inTime);
  const latency = (share: number) => (results: readonly LoadResult[]) =>
    quantile(
      results.flatMap(({ latenciesMs }) => latenciesMs),
      share,
    );
  return {
    criticalGoodputRatio: pair((results) => sum(results, ({ critical }) => critical.inTime) / possible),
    totalGoodputRatio: pair((results) => all(results) / possible),
    criticalAnsweredRatio: pair(
      (results) => sum(results, ({ critical }) => critical.inTime) / sum(results, ({ critical }) => critical.sent),
    ),
    degradedRatio: pair(
      (results) => sum(results, ({ critical, optional }) => critical.degraded + optional.degraded) / all(results),
    ),
    p90Ms: pair(latency(0.9)),
    p99Ms: pair(latency(0.99)),
    worstDelayMs: pair((results) => Math.max(...results.map(({ worstDelayMs }) => worstDelayMs))),
  };
}
