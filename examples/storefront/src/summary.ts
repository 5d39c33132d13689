/**
 * Summary: what the run came to, with Holdfast and without, and every promise beside what was measured, as tables for people
 * and as lines for programs.
 *
 * @module
 */

import Table from 'cli-table3';

import { endpoints } from './downstream.ts';
import { refusedCount } from './guards.ts';
import { PATIENCE_MS } from './load.ts';
import { type Promised, hasSeenRush, isKept, promisesOf } from './promises.ts';
import { budgetsMs } from './shop.ts';
import type { Storefront } from './storefront.ts';
import { type Errand, type Twin, type VisitScope, type VisitSummary, twins } from './visits.ts';

/** What one twin's run came to. */
interface TwinSummary {
  readonly page: VisitSummary;
  readonly pageDuringFaults: VisitSummary;
  readonly all: VisitSummary;
  readonly allDuringFaults: VisitSummary;
  readonly pageDuringRush: VisitSummary;
  readonly goodPerSecond: number;
  /** Calls to dependencies that a policy refused. */
  readonly rejectedCount: number;
}

/** What the run came to. */
export interface Summary extends Readonly<Record<Twin, TwinSummary>> {
  readonly elapsedMs: number;
  /** The longest that this process stood still: what a busy machine does to all times. Milliseconds. */
  readonly stallMs: number;
  /** Orders that were deferred and paid later, and those that still wait. */
  readonly settledCount: number;
  readonly pendingCount: number;
  readonly peakLevel: number;
  readonly endLevel: number;
  readonly promises: readonly Promised[];
}

/** Sums up the run that took `elapsedMs` of a story of `storyMs`. */
export function summarise(storefront: Storefront, elapsedMs: number, storyMs: number): Summary {
  const { orders, brownout } = storefront;
  return {
    elapsedMs,
    stallMs: storefront.stallMs(),
    protected: summariseTwin('protected', storefront, elapsedMs),
    unprotected: summariseTwin('unprotected', storefront, elapsedMs),
    settledCount: orders.settledCount,
    pendingCount: orders.pendingCount,
    peakLevel: brownout.peakLevel,
    endLevel: brownout.brownout.level,
    promises: promisesOf(storefront, hasSeenRush(elapsedMs, storyMs)),
  };
}

/** The table for people. */
export function summaryTable(summary: Summary): string {
  const table = new Table({
    head: [`After ${(summary.elapsedMs / 1000).toFixed(1)} s`, 'with Holdfast', 'without'],
    colAligns: ['left', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { label, show } of rows) table.push([label, ...twins.map((twin) => show(summary[twin]))]);
  const orders = `${summary.settledCount} deferred orders were paid later, ${summary.pendingCount} still wait.`;
  const rule =
    `Available: an answer within the shopper's ${PATIENCE_MS} ms, with status 200, or 202 for a deferred order.\n` +
    `Deadline of the page: ${budgetsMs.page} ms. A shopper who gives up counts with ${PATIENCE_MS} ms.`;
  return `${table.toString()}\n${orders}\n${rule}\n\n${promiseTable(summary.promises)}`;
}

/** Every promise, and what was measured. */
function promiseTable(promises: readonly Promised[]): string {
  const table = new Table({
    head: ['What is promised', 'bound', 'measured', 'kept'],
    colAligns: ['left', 'right', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const one of promises) {
    const { text, unit, atLeast, atMost, value } = one;
    const figure = (number: number): string => [String(Math.round(number * 10) / 10), unit].join(' ').trim();
    const bound = atLeast === undefined ? `<= ${figure(atMost ?? 0)}` : `>= ${figure(atLeast)}`;
    const measured = value === undefined ? '-' : figure(value);
    table.push([text, bound, measured, value === undefined ? '-' : isKept(one) ? 'yes' : 'NO']);
  }
  return table.toString();
}

/** The lines for programs: `protected.page.availability 0.9987`. A value that does not exist has no line. */
export function summaryLines(summary: Summary): string[] {
  const values: [string, number | undefined][] = [
    ['run.seconds', summary.elapsedMs / 1000],
    ['run.stall_ms', summary.stallMs],
    ['page.deadline_ms', budgetsMs.page],
    ...twins.flatMap((twin) => linesOf(twin, summary[twin])),
    ['orders.settled', summary.settledCount],
    ['orders.pending', summary.pendingCount],
    ['brownout.peak_level', summary.peakLevel],
    ['brownout.end_level', summary.endLevel],
    ...summary.promises.map((one): [string, number] => [`promise.${one.name}`, isKept(one) ? 1 : 0]),
  ];
  return values.flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${round(value)}`]));
}

// --- internal ---

function summariseTwin(twin: Twin, { visits, guards }: Storefront, elapsedMs: number): TwinSummary {
  const of = (scope: VisitScope, errand?: Errand): VisitSummary => visits.summary(twin, scope, errand);
  const all = of('run');
  const refusals = endpoints.map((endpoint) => refusedCount(guards[endpoint]));
  return {
    page: of('run', 'page'),
    pageDuringFaults: of('faults', 'page'),
    all,
    allDuringFaults: of('faults'),
    pageDuringRush: of('rush', 'page'),
    goodPerSecond: all.goodCount / (elapsedMs / 1000),
    rejectedCount: twin === 'protected' ? refusals.reduce((sum, count) => sum + count, 0) : 0,
  };
}

const rows: readonly { readonly label: string; readonly show: (twin: TwinSummary) => string }[] = [
  { label: 'product page available', show: ({ page }) => percent(page.availableRatio) },
  { label: '  during the faults', show: ({ pageDuringFaults }) => percent(pageDuringFaults.availableRatio) },
  { label: '  during the rush', show: ({ pageDuringRush }) => percent(pageDuringRush.availableRatio) },
  { label: 'everything available', show: ({ all }) => percent(all.availableRatio) },
  { label: '  during the faults', show: ({ allDuringFaults }) => percent(allDuringFaults.availableRatio) },
  { label: 'product page, p99', show: ({ page }) => milliseconds(page.p99Ms) },
  { label: '  during the faults', show: ({ pageDuringFaults }) => milliseconds(pageDuringFaults.p99Ms) },
  { label: '  during the rush', show: ({ pageDuringRush }) => milliseconds(pageDuringRush.p99Ms) },
  { label: 'goodput', show: ({ goodPerSecond }) => `${goodPerSecond.toFixed(1)} /s` },
  { label: 'visits', show: ({ all }) => String(all.count) },
  { label: 'degraded answers', show: ({ all }) => String(all.degradedCount) },
  { label: 'calls rejected by policies', show: ({ rejectedCount }) => String(rejectedCount) },
];

function linesOf(twin: Twin, summary: TwinSummary): [string, number | undefined][] {
  const { page, pageDuringFaults, all, allDuringFaults, pageDuringRush } = summary;
  return [
    [`${twin}.page.availability`, page.availableRatio],
    [`${twin}.page.availability_during_faults`, pageDuringFaults.availableRatio],
    [`${twin}.all.availability`, all.availableRatio],
    [`${twin}.all.availability_during_faults`, allDuringFaults.availableRatio],
    [`${twin}.page.p99_ms`, page.p99Ms],
    [`${twin}.page.p99_during_faults_ms`, pageDuringFaults.p99Ms],
    [`${twin}.page.availability_during_rush`, pageDuringRush.availableRatio],
    [`${twin}.page.p99_during_rush_ms`, pageDuringRush.p99Ms],
    [`${twin}.goodput_per_second`, summary.goodPerSecond],
    [`${twin}.visits`, all.count],
    [`${twin}.degraded`, all.degradedCount],
    [`${twin}.rejected`, summary.rejectedCount],
  ];
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '-' : `${(Math.floor(ratio * 1000) / 10).toFixed(1)} %`;
}

function milliseconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${Math.round(ms)} ms`;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
