/**
 * Frame: one picture of the run, as text. Sections have fixed heights, so that nothing jumps; what does not fit the
 * terminal is left out from the bottom, the least important first.
 *
 * @module
 */

import type { CircuitState } from '@holdfast/core';
import type { FeatureStatus } from '@holdfast/degradation';
import type pc from 'picocolors';

import { type Endpoint, endpoints } from './downstream.ts';
import { type Column, rowsOf } from './columns.ts';
import { MAX_ENTRIES } from './journal.ts';
import { PATIENCE_MS } from './load.ts';
import type { RecentSummary } from './recent-visits.ts';
import { RECENT_SECONDS } from './recent.ts';
import type { Run } from './run.ts';
import { acts } from './story.ts';
import { twins } from './visits.ts';

/** The colours of picocolors; functions that change nothing where there are none. */
type Colors = ReturnType<typeof pc.createColors>;

/** What a picture is drawn with. */
export interface Screen {
  readonly colors: Colors;
  readonly rows: number;
}

/** Draws the run as it is now. */
export function frame(run: Run, screen: Screen): string {
  const { colors } = screen;
  const nowMs = performance.now();
  const essential = [heading(run, colors), shoppers(run, nowMs, colors), dependencies(run, nowMs, colors)];
  const optional = [features(run, colors), addresses(run, colors), happenings(run, colors)];
  const shown = essential.flat();
  for (const section of optional) {
    if (shown.length + section.length < screen.rows) shown.push(...section);
  }
  return shown.join('\n');
}

// --- internal ---

const WIDTH = 79;

function heading(run: Run, colors: Colors): string[] {
  const { act, index, round } = run.scene();
  const elapsedMs = run.elapsedMs();
  const inStoryMs = Math.min(run.endsWithStory ? elapsedMs : elapsedMs - round * run.storyMs, run.storyMs);
  const total = `${seconds(inStoryMs)} of ${seconds(run.storyMs)}`;
  const time = run.endsWithStory ? total : `${total}, round ${round + 1}`;
  const name = `${colors.bold('Holdfast storefront')}   act ${index + 1} of ${acts.length}: `;
  const title = Object.keys(act.faults).length > 0 ? colors.red(act.title) : colors.green(act.title);
  return [
    `${name}${colors.bold(act.name)}${' '.repeat(Math.max(1, WIDTH - 35 - act.name.length - time.length))}${time}`,
    title,
    progress(inStoryMs / run.storyMs, colors),
    '',
  ];
}

/** A bar with a segment per act. */
function progress(ratio: number, colors: Colors): string {
  const width = Math.floor(WIDTH / acts.length) - 1;
  let begun = 0;
  const segments = acts.map(({ shareRatio }) => {
    const filled = Math.round(Math.min(1, Math.max(0, (ratio - begun) / shareRatio)) * width);
    begun += shareRatio;
    return colors.cyan('━'.repeat(filled)) + colors.dim('─'.repeat(width - filled));
  });
  return segments.join(' ');
}

const shopperColumns: readonly Column[] = [
  { width: 26, align: 'left' },
  { width: 26, align: 'left' },
  { width: 26, align: 'left' },
];

function shoppers(run: Run, nowMs: number, colors: Colors): string[] {
  const recent = twins.map((twin) => run.recent.summary(nowMs, twin));
  const pages = twins.map((twin) => run.recent.summary(nowMs, twin, 'page'));
  const checkouts = twins.map((twin) => run.recent.summary(nowMs, twin, 'checkout'));
  const wholeRun = twins.map((twin) => run.storefront.visits.summary(twin, 'run', 'page').availableRatio);
  const head = [`SHOPPERS, last ${RECENT_SECONDS} s`, 'WITH HOLDFAST', 'WITHOUT'].map((text) => colors.bold(text));
  const meter = ({ availableRatio }: RecentSummary): string => bar(availableRatio, colors);
  return [
    ...rowsOf(shopperColumns, [
      head,
      ['product page available', ...pages.map(meter)],
      ['checkout available', ...checkouts.map(meter)],
      ['page, p50 and p99', ...pages.map((page) => latencies(page, colors))],
      ['degraded answers', ...recent.map(({ degradedRatio }) => percent(degradedRatio))],
      ['goodput', ...recent.map(({ goodPerSecond }) => `${goodPerSecond.toFixed(1).padStart(6)} /s`)],
      ['page available, whole run', ...wholeRun.map((ratio) => bar(ratio, colors))],
    ]),
    '',
  ];
}

function latencies({ p50Ms, p99Ms }: RecentSummary, colors: Colors): string {
  if (p50Ms === undefined || p99Ms === undefined) return '     -';
  return [p50Ms, p99Ms]
    .map((ms) => (ms >= PATIENCE_MS ? colors.red('  gave up') : `${Math.round(ms).toString().padStart(6)} ms`))
    .join('  ');
}

const dependencyColumns: readonly Column[] = [
  { width: 18, align: 'left' },
  { width: 10, align: 'left' },
  ...[8, 8, 10, 5, 5, 8, 7].map((width): Column => ({ width, align: 'right' })),
];

const dependencyHead = ['', 'circuit', 'calls/s', 'failed', 'refused/s', 'p50', 'p99', 'failed', 'waits'];

function dependencies(run: Run, nowMs: number, colors: Colors): string[] {
  const head = `${'DEPENDENCIES'.padEnd(18)}${'WITH HOLDFAST'.padEnd(48)}${'WITHOUT'.padStart(13)}`;
  const rows = endpoints.map((endpoint) => dependency(run, endpoint, { nowMs, colors }));
  const table = rowsOf(dependencyColumns, [dependencyHead.map((text) => colors.dim(text)), ...rows]);
  return [colors.bold(head), ...table, ''];
}

function dependency(
  run: Run,
  endpoint: Endpoint,
  { nowMs, colors }: { readonly nowMs: number; readonly colors: Colors },
): string[] {
  const { guards, meters } = run.storefront;
  const { ended, failed, latency } = meters.protected.tallies[endpoint];
  const naive = meters.unprotected.tallies[endpoint];
  const isBroken = run.scene().act.faults[endpoint] !== undefined;
  return [
    `${isBroken ? colors.red('✗') : colors.green('✓')} ${endpoint}`,
    stateColor(guards[endpoint].circuit.state, colors),
    ended.perSecond(nowMs).toFixed(1),
    failureShare(ended.perSecond(nowMs), failed.perSecond(nowMs), colors),
    quiet(run.refusals.perSecond(endpoint, nowMs).toFixed(1), colors),
    whole(latency.percentileMs(50, nowMs)),
    whole(latency.percentileMs(99, nowMs)),
    failureShare(naive.ended.perSecond(nowMs), naive.failed.perSecond(nowMs), colors),
    naive.waitingCount > 20 ? colors.red(String(naive.waitingCount)) : String(naive.waitingCount),
  ];
}

const featureColumns: readonly Column[] = [
  { width: 18, align: 'left' },
  { width: 10, align: 'left' },
  { width: 51, align: 'left' },
];

function features(run: Run, colors: Colors): string[] {
  const rows = run.storefront.degradation
    .list()
    .map((feature) => [
      `  ${feature.name}`,
      feature.mode === feature.defaultMode ? colors.green(feature.mode) : colors.yellow(feature.mode),
      whyOverridden(feature),
    ]);
  const head = [colors.bold('FEATURES'), colors.dim('mode'), brownoutLevel(run, colors)];
  return [...rowsOf(featureColumns, [head, ...rows]), ''];
}

function brownoutLevel({ storefront: { brownout } }: Run, colors: Colors): string {
  const { level, worst } = brownout.brownout.explain();
  const paint = level === 0 ? colors.green : level < 2 ? colors.yellow : colors.red;
  const reason = worst === undefined || level === 0 ? '' : `, ${worst.signal} ${Number(worst.value.toPrecision(2))}`;
  return `brownout level ${paint(level.toFixed(1))} of ${brownout.brownout.maxLevel}${reason}`;
}

function whyOverridden({ override, decidedBy }: FeatureStatus): string {
  if (override === undefined) return decidedBy === 'level' ? 'by the level' : '';
  if (override.isRestoring)
    return `being taken back: ${Math.round(override.shareRatio * 100)} % still ${override.mode}`;
  return `${override.actor}: ${override.reason} (${Math.ceil(override.remainingMs / 1000)} s left)`;
}

function addresses(run: Run, colors: Colors): string[] {
  const { protected: shop, unprotected, metrics, admin, token } = run.storefront.addresses;
  return rowsOf(
    [
      { width: 9, align: 'left' },
      { width: 33, align: 'left' },
      { width: 8, align: 'left' },
      { width: 30, align: 'left' },
    ],
    [
      [colors.dim('shop'), shop, colors.dim('without'), unprotected],
      [colors.dim('console'), `${admin}/console/`, colors.dim('token'), token],
      [colors.dim('metrics'), metrics, colors.dim('Ctrl-C'), 'ends the run'],
    ],
  );
}

function happenings(run: Run, colors: Colors): string[] {
  const lines = run.journal.entries.map(({ atMs, text }) => {
    const line = `${seconds(atMs).padStart(8)}  ${text}`;
    return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
  });
  const blank = Array.from({ length: MAX_ENTRIES - lines.length }, () => '');
  return ['', colors.bold('WHAT HAPPENED'), ...lines, ...blank];
}

function stateColor(state: CircuitState, colors: Colors): string {
  switch (state) {
    case 'closed':
    case 'forced-closed':
      return colors.green(state);
    case 'half-open':
      return colors.yellow(state);
    case 'open':
    case 'forced-open':
      return colors.red(state);
    default:
      return colors.magenta(state);
  }
}

function bar(ratio: number | undefined, colors: Colors): string {
  if (ratio === undefined) return '     -';
  const filled = Math.round(ratio * 12);
  const paint = ratio >= 0.99 ? colors.green : ratio >= 0.8 ? colors.yellow : colors.red;
  return `${paint(percent(ratio))} ${paint('█'.repeat(filled))}${colors.dim('░'.repeat(12 - filled))}`;
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '     -' : `${(Math.floor(ratio * 1000) / 10).toFixed(1).padStart(6)} %`;
}

function failureShare(endedPerSecond: number, failedPerSecond: number, colors: Colors): string {
  if (endedPerSecond === 0) return colors.dim('-');
  const text = `${Math.round((100 * failedPerSecond) / endedPerSecond)} %`;
  return failedPerSecond > 0 ? colors.red(text) : text;
}

function quiet(text: string, colors: Colors): string {
  return text === '0.0' ? colors.dim('-') : colors.yellow(text);
}

function whole(ms: number | undefined): string {
  return ms === undefined ? '-' : String(Math.round(ms));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
