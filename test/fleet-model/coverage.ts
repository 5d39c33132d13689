/**
 * Coverage: what must have happened, so that a run of the model cannot pass by playing nothing.
 *
 * @module
 */

/** What worlds are about, and how often each must have happened in 100,000 steps at the least. */
const needed: Readonly<Record<string, number>> = {
  FLUSHALL: 20,
  'K leases are believed in': 500,
  'a ballot waits for others': 5,
  'a bell is done': 3,
  'a claim waits: early': 2,
  'a claim waits: full': 100,
  'a claim waits: hold': 50,
  'a hold ends by its time': 2,
  'a hold is done': 10,
  'a lease is given back': 100,
  'a lease is granted': 200,
  'a machine is suspended': 10,
  'a node opens by itself': 50,
  'a probe is reported': 30,
  'a probe runs by a lease': 50,
  'a probe runs by lone': 5,
  'a probe runs by own': 50,
  'a process dies': 20,
  'a process leaves': 5,
  'a process sleeps': 20,
  'a replica takes over': 20,
  'a report of a window is counted': 20,
  'a request that was done is executed again': 2,
  'a round ends by lost probes': 2,
  'a ruling becomes closed': 20,
  'a ruling becomes half-open': 20,
  'a ruling becomes open': 50,
  'a seed is done': 20,
  'all agree': 5,
  'all are closed': 5,
  'an answer is fenced': 10,
  'an answer is stale': 20,
  'nodes open the fleet': 10,
  'the ledger is away for long': 2,
};

/** What has happened too rarely. */
export function tooRare(counts: ReadonlyMap<string, number>, steps: number): readonly string[] {
  const share = Math.floor(steps / 100_000);
  return Object.entries(needed)
    .filter(([what, least]) => (counts.get(what) ?? 0) < least * share)
    .map(([what, least]) => `${what}: ${counts.get(what) ?? 0} of ${least * share}`);
}
