/**
 * Act of the operator: the circuit is held open for all, with a reason and an end, and released before that.
 *
 * @module
 */

import { wish } from './operator.ts';
import { type Stage, reach, shown, watchProbes } from './stage.ts';
import { sleep } from './waiting.ts';

/** Holds the circuit open, and releases it: it comes back by probing. */
export async function holdByHand(stage: Stage): Promise<void> {
  const { dependency, fleet, figures, operator, signal, note } = stage;
  const reachedMs = await reach(stage, 'forced-open', () => operator.hold());
  figures.note('hold.reached_ms', reachedMs);
  const ruling = fleet.members.at(-1)?.status?.fleet.ruling;
  const leftS = Math.round((ruling?.remainingMs ?? 0) / 1000);
  note(`${wish.owner} holds it open for ${leftS} s, "${wish.reason}": all refuse after ${shown(reachedMs)}`);
  await watchProbes(stage);
  await sleep({ ms: 1500, signal });
  const calls = dependency.watched.arrivals.length;
  figures.note('hold.calls', calls);
  const closedMs = await reach(stage, 'closed', () => operator.release());
  figures.note('hold.closed_ms', closedMs);
  note(`${wish.owner} releases it after ${calls} calls: all are closed after ${shown(closedMs)}`);
}
