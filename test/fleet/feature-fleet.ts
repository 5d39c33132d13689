/**
 * Feature fleet: processes that share their features, and what a test asks of all of them.
 *
 * @module
 */

import { eventually } from '../redis-lab/eventually.ts';
import { type Fleet, startFleet } from '../redis-lab/fleet.ts';
import type { SourceEdit } from '../redis-lab/member-program.ts';
import type { FeatureCommands, FeatureReport, FeatureSettings } from './feature-member.ts';
import type { StorePlace } from './store-place.ts';
import { lessLag } from './timer-lag.ts';

/** Processes that share their features. */
export interface FeatureFleet extends AsyncDisposable {
  readonly fleet: Fleet<FeatureCommands>;
  /** Waits until the reports of all that run are as `holds` says. Returns the reports. */
  readonly until: (
    what: string,
    holds: (report: FeatureReport, index: number) => boolean,
    limitMs?: number,
  ) => Promise<readonly FeatureReport[]>;
  /** Waits until all share, know the same, and owe the store nothing; and, where that is given, have these modes. */
  readonly agreement: (limitMs?: number, modes?: Readonly<Record<string, string>>) => Promise<readonly FeatureReport[]>;
  /** Returns how long `what` took, less what a busy machine may have added to it. Milliseconds. */
  readonly timed: (what: () => Promise<unknown>) => Promise<number>;
}

/** What a fleet is made of. */
export interface FeatureFleetPlan {
  readonly count: number;
  readonly placeOf: (index: number) => StorePlace;
  /** @defaultValue 'fleet' */
  readonly namespace?: string;
  /** Makes it of other sources than those that are here. */
  readonly edits?: readonly SourceEdit[];
}

/** Starts processes and waits until they share. */
export async function startFeatureFleet(plan: FeatureFleetPlan): Promise<FeatureFleet> {
  const { count, placeOf, namespace = 'fleet', edits } = plan;
  const fleet = await startFleet<FeatureCommands>({
    module: new URL('feature-member.ts', import.meta.url),
    count,
    ...(edits !== undefined && { edits }),
    settings: (index): FeatureSettings => ({ place: placeOf(index), namespace }),
  });
  const until = untilOf(fleet);
  const agreement: FeatureFleet['agreement'] = (limitMs, modes = {}) => {
    let revisions = '';
    return until(
      `agreement on ${JSON.stringify(modes)}`,
      (report, index) => {
        if (index === 0) revisions = JSON.stringify(report.revisions);
        const isSettled = report.store.state === 'live' && report.store.pendingCount === 0;
        const isAsked = Object.entries(modes).every(([feature, mode]) => report.modes[feature] === mode);
        return (
          isSettled && isAsked && report.health.mode === 'shared' && JSON.stringify(report.revisions) === revisions
        );
      },
      limitMs,
    );
  };
  const timed: FeatureFleet['timed'] = (what) => lessLag(fleet, what);
  await fleet.askAll('ready');
  return { fleet, timed, until, agreement, [Symbol.asyncDispose]: () => fleet.stop() };
}

// --- internal ---

function untilOf(fleet: Fleet<FeatureCommands>): FeatureFleet['until'] {
  return async (what, holds, limitMs = 40_000) => {
    let last: readonly FeatureReport[] = [];
    const look = async (): Promise<false | readonly FeatureReport[]> => {
      last = await fleet.askAll('report');
      return last.every(holds) && last;
    };
    try {
      return await eventually(look, { what, limitMs, everyMs: 20 });
    } catch (error) {
      throw new Error(`${String(error)}\n${last.map((report) => JSON.stringify(report)).join('\n')}`, { cause: error });
    }
  };
}
