/**
 * What is checked of each ruling that the ledger tells: I1, I9, I10.
 *
 * @module
 */

import type { Ruling } from '@holdfast/core/fleet';

import { type Facts, MAX_SKEW_MS } from './facts.ts';
import type { LedgerView, SeenRuling } from './ledger-view.ts';
import { holds } from './violation.ts';

/** One instant, by the world's time and by the ledger's clock. */
export interface Moment {
  readonly at: number;
  readonly nowUs: number;
}

/** Takes note of a ruling that the ledger told. */
export function noteTold(view: LedgerView, facts: Facts, ruling: Ruling, moment: Moment): void {
  checkI9Span(ruling);
  if (ruling.epoch === 0) return;
  const { id, epoch, state, spanMs } = ruling;
  const untilUs = moment.nowUs + ruling.remainingMs * 1000;
  const before = view.rulings.get(id);
  if (before?.epoch === epoch && before.state === state) {
    before.untilUs = Math.min(before.untilUs, untilUs);
    return;
  }
  if (before !== undefined) {
    checkI1Epoch(before, ruling);
    checkI10Birth(facts, before, ruling, moment);
    if (state === 'half-open') checkI9Open(before, ruling, moment);
  }
  facts.count(before?.epoch === epoch ? 'a hold ends by its time' : `a ruling becomes ${state}`);
  facts.bornAt(ruling, moment.at);
  view.rulings.set(id, { id, epoch, state, spanMs, untilUs });
}

/** I1: the clock of a ledger never falls within its history, and no epoch is above it. */
export function checkI1Clock(view: LedgerView, clock: number): void {
  holds('I1', clock >= view.clock, () => `the clock fell from ${view.clock} to ${clock}`);
  view.clock = clock;
  for (const { id, epoch } of view.rulings.values()) {
    holds('I1', epoch <= clock, () => `${id} has epoch ${epoch}, above the clock ${clock}`);
  }
}

// --- internal ---

/** I1: a change has a higher epoch; only a hold ends by its time at its own, or goes on where the clock has stepped back. */
function checkI1Epoch(before: SeenRuling, ruling: Ruling): void {
  const states = [before.state, ruling.state].toSorted().join(' ');
  const isHold = before.epoch === ruling.epoch && (states === 'forced-open open' || states === 'closed forced-closed');
  holds('I1', isHold || ruling.epoch > before.epoch, () => `${label(before)} became ${label(ruling)}`);
}

/** I9: the time left of a ruling never exceeds its span. */
function checkI9Span(ruling: Ruling): void {
  holds('I9', ruling.remainingMs <= ruling.spanMs, () => `${label(ruling)} has ${ruling.remainingMs} ms left`);
}

/** I9: nothing becomes half-open before the open time is over, by the clock of the ledger. */
function checkI9Open(before: SeenRuling, ruling: Ruling, { nowUs }: Moment): void {
  const isOver = before.state === 'half-open' || nowUs >= before.untilUs - ROUNDING_US;
  holds(
    'I9',
    isOver,
    () => `${label(ruling)} came ${(before.untilUs - nowUs) / 1000} ms before the end of ${label(before)}`,
  );
}

/** I10: no ruling is replaced by one that was born earlier, as far as the clocks of servers let anybody know. */
export function checkI10Birth(
  facts: Facts,
  before: Pick<SeenRuling, 'id' | 'epoch' | 'state'>,
  after: Pick<SeenRuling, 'id' | 'epoch' | 'state'>,
  { at }: Pick<Moment, 'at'>,
): void {
  const earlierMs = facts.bornAt(before, at) - facts.bornAt(after, at);
  holds(
    'I10',
    earlierMs <= MAX_SKEW_MS,
    () => `${label(after)} replaced ${label(before)}, and was born ${earlierMs} ms earlier`,
  );
}

function label({ id, epoch, state }: Pick<Ruling, 'id' | 'epoch' | 'state'>): string {
  return `${id} ${state} at ${epoch}`;
}

/** What the ledger rounds a time left up by. */
const ROUNDING_US = 1000;
