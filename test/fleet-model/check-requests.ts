/**
 * What is checked of each request before it leaves its node: I4, I9, I20.
 *
 * @module
 */

import type { ClaimProposal, FlushItem, TripProposal } from '@holdfast/core/fleet';

import type { ModelProcess } from './model-process.ts';
import { evidenceSpanMs } from './plan.ts';
import { holds } from './violation.ts';

/** I4: a node puts an opening of its own to the vote for as long as that stands, and no longer. */
export function checkI4Sent(process: ModelProcess, { id, basis }: TripProposal): void {
  const trip = process.facts.trips.get(`${process.name} ${id} ${basis}`);
  holds(
    'I4',
    trip !== undefined,
    () => `${process.name} votes under ${basis} though it has not opened ${id} by itself`,
  );
  if (trip === undefined) return;
  const ageMs = process.clock.now() - trip.oldestByClock;
  const maxAgeMs = evidenceSpanMs(process.facts.plan) + trip.openMs + EVIDENCE_SLACK_MS;
  holds(
    'I4',
    ageMs <= maxAgeMs,
    () => `${process.name} votes on ${id} by what it saw ${ageMs} ms ago, and ${maxAgeMs} is the most`,
  );
}

/** I9: no node claims before its own deadline, by its own clock. */
export function checkI9Claim(process: ModelProcess, { id, basis }: ClaimProposal): void {
  const watched = process.watched(id);
  if (watched?.openEpoch !== basis) return; // it is half-open
  const earlyMs = watched.openUntil - process.clock.now();
  holds('I9', earlyMs <= 0, () => `${process.name} claimed ${id} ${earlyMs} ms before its deadline`);
}

/** I20, at the node: what is told has happened there since it was last told, under the ruling that it is told for. */
export function checkI20Told(process: ModelProcess, items: readonly FlushItem[]): void {
  for (const id of new Set(items.map((item) => item.id))) {
    const watched = process.watched(id);
    const mine = items.filter((item) => item.id === id && item.basis === watched?.circuit.known.epoch); // else it is fenced
    if (watched === undefined || mine.length === 0) continue;
    const told = mine.reduce((sum, { successes, failures }) => sum + successes + failures, 0);
    const happened = watched.settledAt.filter((settledAt) => settledAt >= watched.toldAt).length;
    holds(
      'I20',
      told <= happened,
      () => `${process.name} told of ${told} calls of ${id}, and there were ${happened} since it last did`,
    );
    watched.toldAt = watched.talliedAt;
  }
}

// --- internal ---

/** Time that a ballot may wait for a request that is under way. Milliseconds. */
const EVIDENCE_SLACK_MS = 7000;
