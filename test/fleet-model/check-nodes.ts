/**
 * What is checked of each node whenever something has happened to it: I2, I4, I18, I21, I22.
 *
 * @module
 */

import { type Ruling, stateRanks } from '@holdfast/core/fleet';

import type { NodeCircuit } from '../../packages/core/src/fleet/node-circuit.ts';
import { type Facts, MAX_SKEW_MS } from './facts.ts';
import { holds } from './violation.ts';
import type { WatchedCircuit } from './watched-circuit.ts';

/** What a node goes by. */
export type Adopted = Pick<Ruling, 'id' | 'epoch' | 'state'>;

/** The ruling that a circuit goes by, without what has followed from the time. */
export function adoptedBy(circuit: NodeCircuit, now: number): Adopted {
  const { id, epoch, state } = circuit.known.toRuling(now);
  return { id, epoch, state };
}

/** I2: the pair of epoch and rank never falls. */
export function checkI2Adopted(node: string, before: Adopted, after: Adopted): void {
  const isLower =
    after.epoch < before.epoch ||
    (after.epoch === before.epoch && stateRanks[after.state] < stateRanks[before.state] && !endsHold(before, after));
  holds('I2', !isLower, () => `${node} went from ${label(before)} back to ${label(after)}`);
}

/** I4, at the node: its window trips only by enough failures of calls that began under the state that stands. */
export function checkI4Window(watched: WatchedCircuit, now: number): void {
  const { minimumCalls, failureRatio } = watched.parts.facts.plan.breaker;
  const seen = watched.seen(now);
  const failures = seen.filter(({ failed }) => failed).length;
  const isEnough = seen.length >= minimumCalls && failures >= failureRatio * minimumCalls;
  holds(
    'I4',
    isEnough,
    () => `${label(adoptedBy(watched.circuit, 0))} tripped by ${failures} failures of ${seen.length} calls`,
  );
}

/** I18: a lone probe starts after the hold-off, once per open time, and one at a time. */
export function checkI18Start(watched: WatchedCircuit): void {
  const { circuit, parts, loneAt, loneSpreadMs, openUntil, openEpoch } = watched;
  const now = parts.clock.now();
  const { holdOffMs } = parts.facts.plan;
  const { known, own, view, rules } = circuit;
  const isOurs = own?.state === 'open';
  const endsAt = isOurs ? own.until - holdOffMs : openEpoch === known.epoch ? openUntil : Number.NEGATIVE_INFINITY;
  const silentMs = now - Math.max(endsAt, view.heardAt);
  holds('I18', silentMs >= holdOffMs, () => `a lone probe of ${circuit.id} started after ${silentMs} ms of silence`);
  holds('I18', now - loneAt >= loneSpreadMs, () => `lone probes of ${circuit.id} started within ${now - loneAt} ms`);
  const isAlone = !watched.isLoneRunning || now - loneAt >= (rules?.probeLeaseMs ?? 0);
  holds('I18', isAlone, () => `two lone probes of ${circuit.id} run`);
  watched.loneAt = now;
  watched.loneSpreadMs = Math.min(known.spanMs > 0 ? known.spanMs : Infinity, rules?.openForMs ?? 0);
  watched.loneCount++;
  watched.isLoneRunning = true;
}

/** I21: a call that is no probe runs only where the fleet lets it, or the node has closed the circuit under this ruling. */
export function checkI21Admitted({ circuit, formedUnder, parts }: WatchedCircuit): void {
  const state = circuit.known.state(parts.clock.now());
  const isOwn = circuit.own?.state === 'closed' && formedUnder === circuit.known.epoch;
  const isLet = state === 'closed' || state === 'forced-closed' || isOwn;
  holds('I21', isLet, () => `a call of ${circuit.id} ran while the fleet was ${state} at ${circuit.known.epoch}`);
}

/** I21: a view of the node's own was formed under the ruling that stands. */
export function checkI21Basis(node: string, { circuit, formedUnder }: WatchedCircuit): void {
  const { own, known } = circuit;
  if (own === undefined) return;
  const isRight = own.basis === known.epoch && formedUnder === known.epoch;
  holds(
    'I21',
    isRight,
    () => `${node} goes by its own ${own.state} of ${String(formedUnder)} under ${label(adoptedBy(circuit, 0))}`,
  );
}

/** I21: what was formed before the first ruling was heard of goes on only under one that is older than what it rests on. */
export function checkI21Late(circuit: NodeCircuit, laterMs: number): void {
  const isLater = circuit.known.toRuling(0).state === 'closed' && laterMs >= -MAX_SKEW_MS;
  holds(
    'I21',
    isLater,
    () => `${label(adoptedBy(circuit, 0))} did not end a view that rests on what was ${-laterMs} ms before it`,
  );
}

/** I22: a lease is taken by one call at most. */
export function checkI22Taken({ taken }: Facts, lease: string): void {
  holds('I22', !taken.has(lease), () => `${lease} was taken by two calls`);
  taken.add(lease);
}

// --- internal ---

function endsHold(before: Adopted, after: Adopted): boolean {
  if (before.state === 'forced-open') return after.state === 'open';
  return before.state === 'forced-closed' && after.state === 'closed';
}

function label({ id, epoch, state }: Adopted): string {
  return `${id} ${state} at ${epoch}`;
}
