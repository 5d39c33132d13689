/**
 * Status line: the run in one plain line, for logs and pipes.
 *
 * @module
 */

import { endpoints } from './downstream.ts';
import type { Run } from './run.ts';
import { twins } from './visits.ts';

/** Says how things are: `t=4s act=slow protected.page=100.0% ... circuits: price=open`. */
export function statusLine(run: Run): string {
  const now = performance.now();
  const { guards, degradation, brownout } = run.storefront;
  const shoppers = twins.map((twin) => {
    const { availableRatio, p99Ms } = run.recent.summary(now, twin, 'page');
    return `${twin}.page=${percent(availableRatio)} ${twin}.p99=${p99Ms === undefined ? '-' : `${Math.round(p99Ms)}ms`}`;
  });
  const circuits = endpoints.map((name) => `circuit.${name}=${guards[name].circuit.state}`);
  const features = degradation.list().map(({ name, mode }) => `feature.${name}=${mode}`);
  const seconds = `t=${Math.round(run.elapsedMs() / 1000)}s`;
  const level = `level=${brownout.brownout.level.toFixed(1)}`;
  return [seconds, `act=${run.scene().act.name}`, level, ...shoppers, ...circuits, ...features].join(' ');
}

// --- internal ---

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '-' : `${(ratio * 100).toFixed(1)}%`;
}
