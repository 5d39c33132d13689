/**
 * Promises: what the protected shop is expected to do, in figures, and whether it did. Bounds leave room for a machine that
 * does something else as well; what is usual is in the README.
 *
 * @module
 */

import type { Storefront } from './storefront.ts';
import { budgetsMs } from './shop.ts';
import { acts } from './story.ts';

/** A figure, and the bound that it must keep. */
export interface Promised {
  readonly name: string;
  readonly text: string;
  readonly unit: '' | 'ms' | '%';
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Undefined where it was not measured, since the story ended before. */
  readonly value: number | undefined;
}

/** Measures all promises of a run that is over; `hasRushed` says whether the crowd came and went. */
export function promisesOf(storefront: Storefront, hasRushed: boolean): readonly Promised[] {
  const known = promised.map(({ measure, ...one }) => ({ ...one, value: measure(storefront) }));
  return known.map((one) => (one.isLate && !hasRushed ? { ...one, value: undefined } : one));
}

/** Whether a promise was kept; one that was not measured is not broken. */
export function isKept({ value, atLeast = -Infinity, atMost = Infinity }: Promised): boolean {
  return value === undefined || (value >= atLeast && value <= atMost);
}

/** Whether a story of `storyMs` that took `elapsedMs` has seen the crowd come and go. */
export function hasSeenRush(elapsedMs: number, storyMs: number): boolean {
  const end = acts.slice(0, -1).reduce((sum, { shareRatio }) => sum + shareRatio, 0);
  const last = 1 - end;
  return elapsedMs >= storyMs * (end + last * 0.9);
}

// --- internal ---

interface Measure extends Omit<Promised, 'value'> {
  /** Whether it can only be told when the crowd has come and gone. */
  readonly isLate?: boolean;
  readonly measure: (storefront: Storefront) => number | undefined;
}

const promised: readonly Measure[] = [
  {
    name: 'page.availability',
    text: 'product page available',
    unit: '%',
    atLeast: 99,
    measure: ({ visits }) => percent(visits.summary('protected', 'run', 'page').availableRatio),
  },
  {
    name: 'page.p99',
    text: 'product page, p99',
    unit: 'ms',
    atMost: budgetsMs.page,
    measure: ({ visits }) => visits.summary('protected', 'run', 'page').p99Ms,
  },
  {
    name: 'rush.availability',
    text: '  available in the rush',
    unit: '%',
    atLeast: 95,
    measure: ({ visits }) => percent(visits.summary('protected', 'rush', 'page').availableRatio),
  },
  {
    name: 'brownout.peak',
    text: 'brownout level at its highest, by the rush',
    unit: '',
    atLeast: 0.5,
    isLate: true,
    measure: ({ brownout }) => brownout.peakLevel,
  },
  {
    name: 'brownout.end',
    text: '  at the end',
    unit: '',
    atMost: 0.5,
    isLate: true,
    measure: ({ brownout }) => brownout.brownout.level,
  },
  {
    name: 'brownout.essential',
    text: '  essential features touched below the highest',
    unit: '',
    atMost: 0,
    measure: ({ brownout }) => brownout.earlyTouches,
  },
  {
    name: 'headers.strange',
    text: "names in headers that are nobody's business",
    unit: '',
    atMost: 0,
    measure: ({ visits }) => visits.strangeNames,
  },
  {
    name: 'overrides.left',
    text: 'overrides that did not end by themselves',
    unit: '',
    atMost: 0,
    isLate: true,
    measure: overridesLeft,
  },
  {
    name: 'orders.pending',
    text: 'deferred orders that nobody has paid',
    unit: '',
    atMost: 0,
    isLate: true,
    measure: ({ orders }) => orders.pendingCount,
  },
];

function overridesLeft({ degradation }: Storefront): number {
  return degradation.list().reduce((sum, { overrides }) => sum + overrides.length, 0);
}

function percent(ratio: number | undefined): number | undefined {
  return ratio === undefined ? undefined : ratio * 100;
}
