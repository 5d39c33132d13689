/**
 * Proposal breaks: rules of proposals and rounds, each removed from a copy of the ledger in memory.
 *
 * Not here: rules that another one covers, so that either may go alone. Ballots and rounds are deleted with the ruling, and
 * name its epoch besides; a seed is cut to its span, and so is every ruling that is read.
 *
 * @module
 */

import type { Break } from '../../differential/break.ts';

const round = 'fleet/ledger-round.ts';
const step = 'fleet/ledger-step.ts';

/** The rules, by the name of what is removed. */
export const proposalBreaks: readonly Break[] = [
  { name: 'ticket: altogether', file: step, find: 'if (!proposer.hasTicket)', replace: 'if (false)' },
  { name: 'hold after a new incarnation', file: step, find: 'if (holdUs > 0)', replace: 'if (false)' },
  {
    name: 'epoch: fence',
    file: step,
    find: "return { code: 'fenced' };\n  return proposal.basis",
    replace: 'void 0;\n  return proposal.basis',
  },
  { name: 'epoch: fence of reports', file: step, find: 'basis !== entry.epoch || ', replace: '' },
  {
    name: 'epoch: what the ledger has lost is seeded first',
    file: step,
    find: "? { code: 'seed-first' } : undefined",
    replace: '? undefined : undefined',
  },
  {
    name: 'epoch: claims on what the round grew from',
    file: step,
    find: '&& !growsFrom(turn, entry, proposal)',
    replace: '',
  },
  { name: 'evidence: from after the ruling', file: step, find: 'turn.nowUs - ageMs * 1000 < basis || ', replace: '' },
  { name: 'evidence: not too old', file: step, find: ' || ageMs > maxEvidenceMs', replace: '' },
  { name: 'quorum', file: step, find: 'if (voters.length < quorum)', replace: 'if (false)' },
  { name: 'ballots: of one epoch', file: step, find: 'ballot.startsWith(prefix) && ', replace: '' },
  {
    name: 'ballots: end',
    file: step,
    find: 'filter(([, expiresUs]) => expiresUs > nowUs)',
    replace: 'filter(() => true)',
  },
  {
    name: 'held open is open',
    file: step,
    find: "entry.state !== 'closed') return { code: 'already' };\n  const ageMs",
    replace: "entry.state === 'open') return { code: 'already' };\n  const ageMs",
  },
  { name: 'no claim before the open time is over', file: step, find: 'if (earlyUs > 0)', replace: 'if (false)' },
  { name: 'round: K', file: round, find: 'Math.min(maxProbes, budget)', replace: 'budget' },
  { name: 'round: S + F - 1', file: round, find: 'Math.min(maxProbes, budget)', replace: 'maxProbes' },
  { name: 'round: V', file: step, find: 'if (round.lost > round.rules.maxLost)', replace: 'if (false)' },
  { name: 'round: lost leases are reaped', file: step, find: 'reap(round, turn.nowUs);', replace: '' },
  {
    name: 'round: leases per node',
    file: round,
    find: ' || hasItsShare(round, node, nowUs)) return false',
    replace: ') return false',
  },
  {
    name: 'round: never waits for nodes that are gone',
    file: round,
    find: ' && nowUs < shareEndUs(round)',
    replace: '',
  },
  { name: 'round: what was released does not count', file: step, find: '  giveBack(round, node);\n', replace: '' },
  { name: 'round: what was lost does not count', file: round, find: '    giveBack(round, lease.node);\n', replace: '' },
  {
    name: 'round: rules are those of whoever began',
    file: step,
    find: 'const known = roundOf(turn, id, entry);',
    replace: 'const known = undefined as Round | undefined;',
  },
  { name: 'lease: the same again', file: round, find: '!round.leases.has(name) && !issue', replace: '!issue' },
  { name: 'lease: never comes back', file: round, find: 'round.done.has(name) || ', replace: '' },
  {
    name: 'lease: its time, at the report',
    file: round,
    find: ' || lease.expiresUs <= nowUs) return',
    replace: ') return',
  },
  {
    name: 'lease: ends in time when the clock steps back',
    file: round,
    find: 'lease.expiresUs = Math.min(lease.expiresUs, latestUs);',
    replace: '',
  },
  {
    name: 'lease: no longer than MAX_LEASE_MS',
    file: round,
    find: 'wholeMs(leaseTtlMs, MAX_LEASE_MS)',
    replace: 'leaseTtlMs',
  },
  {
    name: 'reopening: back-off',
    file: step,
    find: 'const steps = backoffRatio > 1 ? reopenings : 0;',
    replace: 'const steps = 0;',
  },
  { name: 'reopening: retry after', file: step, find: 'Math.max(ms, retryAfterMs)', replace: 'ms' },
  { name: 'reopening: counted', file: step, find: 'turn.entry(rules.id).reopenings + 1', replace: '1' },
  {
    name: 'closing: enough successes',
    file: step,
    find: 'if (round.successes >= neededSuccesses)',
    replace: 'if (succeeded)',
  },
  { name: 'closing: ramp', file: step, find: '...rampOf(turn, rampMs), ', replace: '' },
  { name: 'local close: after the open time', file: step, find: 'seenUs < untilUs || ', replace: '' },
  { name: 'local close: enough successes', file: step, find: ' || successes < neededSuccesses', replace: '' },
  { name: 'seed: only what is newer', file: step, find: 'if (basis <= turn.entry(id).epoch)', replace: 'if (false)' },
  {
    name: 'seed: half-open comes back as open',
    file: step,
    find: "if (ruling.state === 'half-open')",
    replace: 'if (false)',
  },
  {
    name: 'bell: rings once for all',
    file: step,
    find: ' || (entry.hotUntilUs - turn.nowUs) * 2 >= ringUs',
    replace: '',
  },
  {
    name: 'ruling: told when no probe is free any more',
    file: step,
    find: 'if ((free === 0) === (entry.free === 0))',
    replace: 'if (true)',
  },
];
