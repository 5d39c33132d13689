/**
 * Charts: ribbons of states, bars of outcomes, lines of latencies. Each says in words what it shows.
 *
 * @module
 */

import type { VNode } from 'preact';

import type { Ribbon, Sample } from '../api/answers.ts';
import { type SeriesView, lastOf, linePath, outcomePaths } from '../charts/outcome-paths.ts';
import { type RibbonView, ribbonPaths } from '../charts/ribbon-paths.ts';
import type { RowOf } from '../state/rates.ts';
import { amount, duration } from '../state/formats.ts';
import { STATE_NAMES } from './marks.tsx';

/** States over time. */
export function RibbonChart(props: {
  readonly ribbon: Ribbon;
  readonly view: RibbonView;
  readonly label: string;
}): VNode {
  const { ribbon, view, label } = props;
  const changes = ribbon.filter(([atMs]) => atMs > view.fromMs).length;
  const last = ribbon.at(-1)?.[1] ?? '';
  const words = `${label}: ${STATE_NAMES[last] ?? (last || 'not known')}, ${changes} changes`;
  return (
    <svg
      class="ribbon"
      role="img"
      aria-label={words}
      viewBox={`0 0 ${view.width} ${view.height}`}
      width="100%"
      height={view.height}
      preserveAspectRatio="none"
    >
      <rect class="ribbon-ground" width={view.width} height={view.height} />
      {[...ribbonPaths(ribbon, view)].map(([state, path]) => (
        <path key={state} class={`fill-${state}`} d={path} />
      ))}
    </svg>
  );
}

/** How calls ended, per sample. */
export function OutcomeChart(props: {
  readonly samples: readonly Sample[];
  readonly rowOf: RowOf;
  readonly view: SeriesView;
  readonly label: string;
}): VNode {
  const { view, label } = props;
  const { success, failure, refused, peak } = outcomePaths(props.samples, props.rowOf, view);
  return (
    <svg
      class="outcomes"
      role="img"
      aria-label={`${label}: ${amount(peak)} calls in the fullest sample`}
      viewBox={`0 0 ${view.width} ${view.height}`}
      width="100%"
      height={view.height}
      preserveAspectRatio="none"
    >
      <path class="fill-success" d={success} />
      <path class="fill-refused" d={refused} />
      <path class="fill-failure" d={failure} />
    </svg>
  );
}

/** The 50th, 95th and 99th percentile of latency, per sample. */
export function LatencyChart(props: {
  readonly samples: readonly Sample[];
  readonly id: string;
  readonly view: SeriesView;
  readonly label: string;
}): VNode {
  const { samples, id, view, label } = props;
  const rows = lastOf(samples, view.count).map((sample) => sample?.latencies[id]);
  const peak = Math.max(1, ...rows.map((row) => row?.[2] ?? 0));
  const [p50, p95, p99] = rows.findLast((row) => row !== undefined) ?? [];
  const words =
    p50 === undefined ? 'not measured yet' : `p50 ${duration(p50)}, p95 ${duration(p95)}, p99 ${duration(p99)}`;
  return (
    <svg
      class="latencies"
      role="img"
      aria-label={`${label}: ${words}, up to ${duration(peak)}`}
      viewBox={`0 0 ${view.width} ${view.height}`}
      width="100%"
      height={view.height}
      preserveAspectRatio="none"
    >
      {['line-p99', 'line-p95', 'line-p50'].map((name, index) => (
        <path
          key={name}
          class={name}
          d={linePath(
            rows.map((row) => row?.[2 - index]),
            peak,
            view,
          )}
        />
      ))}
    </svg>
  );
}

/** The brownout level, per sample; 1 at least fills it. */
export function LevelChart({
  samples,
  view,
}: {
  readonly samples: readonly Sample[];
  readonly view: SeriesView;
}): VNode {
  const levels = lastOf(samples, view.count).map((sample) => sample?.level);
  const peak = Math.max(1, ...levels.map((level) => level ?? 0));
  return (
    <svg
      class="latencies level-line"
      role="img"
      aria-label={`Brownout level, last 2 minutes: up to ${amount(peak)}`}
      viewBox={`0 0 ${view.width} ${view.height}`}
      width={view.width}
      height={view.height}
      preserveAspectRatio="none"
    >
      <path class="line-p50" d={linePath(levels, peak, view)} />
    </svg>
  );
}
