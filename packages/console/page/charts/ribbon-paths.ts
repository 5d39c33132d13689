/**
 * Ribbon paths: states over time as the outlines of bars, one path per state.
 *
 * A state is told by its height and place as well as by its colour: closed is a thin line at the foot, half-open half as high,
 * open as high as the ribbon.
 *
 * Invariants
 *  (1) The number of paths does not grow with the number of changes.
 *  (2) What is before the first state that is known, or after what was last heard, is left empty.
 *
 * @module
 */

import type { Ribbon } from '../api/answers.ts';

/** What is drawn. */
export interface RibbonView {
  /** The service's calendar, in milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What happened after this is not known. Milliseconds since 1970. */
  readonly heardMs: number;
  readonly width: number;
  readonly height: number;
}

/** Returns the outline of each state that there is in view, by the name of the state. */
export function ribbonPaths(ribbon: Ribbon, view: RibbonView): ReadonlyMap<string, string> {
  const { fromMs, toMs, heardMs, width } = view;
  const endMs = Math.min(toMs, heardMs); // (2)
  const place = (atMs: number): number => rounded(((atMs - fromMs) / (toMs - fromMs)) * width);
  const paths = new Map<string, string>();
  for (const [index, [atMs, state]] of ribbon.entries()) {
    const untilMs = Math.min(endMs, ribbon[index + 1]?.[0] ?? endMs);
    if (untilMs <= fromMs || atMs >= untilMs) continue;
    const [left, right] = [place(Math.max(fromMs, atMs)), place(untilMs)];
    const bar = barOf(left, Math.max(right, rounded(left + 1)), heightOf(state, view.height), view.height);
    paths.set(state, (paths.get(state) ?? '') + bar); // (1)
  }
  return paths;
}

// --- internal ---

function heightOf(state: string, height: number): number {
  return Math.max(2, Math.round(height * (SHARES[state] ?? 1)));
}

const SHARES: Readonly<Record<string, number>> = {
  closed: 0.2,
  'forced-closed': 0.2,
  'half-open': 0.6,
  open: 1,
  'forced-open': 1,
};

// oxlint-disable-next-line max-params -- left, right, height of the bar and of the whole
function barOf(left: number, right: number, barHeight: number, height: number): string {
  return `M${left} ${height}V${height - barHeight}H${right}V${height}Z`;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
