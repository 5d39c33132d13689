/**
 * Shard breaks: rules of the clock, messages, syncs, holds and windows, each removed from a copy of the ledger in memory.
 *
 * @module
 */

import type { Break } from '../../differential/break.ts';

const turn = 'fleet/ledger-turn.ts';
const flush = 'fleet/ledger-flush.ts';
const memory = 'fleet/memory-ledger.ts';

/** The rules, by the name of what is removed. */
export const shardBreaks: readonly Break[] = [
  { name: 'ticket: age', file: turn, find: ' && ageUs <= TICKET_TTL_MS * 1000', replace: '' },
  { name: 'ticket: from the future', file: turn, find: 'ageUs >= 0 && ', replace: '' },
  { name: 'ticket: incarnation', file: turn, find: 'incarnation === this.shard.incarnation && ', replace: '' },
  {
    name: 'hold: by the longest lease known',
    file: turn,
    find: 'Math.max(shard.longestLeaseMs, wholeMs(leaseMs, MAX_LEASE_MS))',
    replace: 'wholeMs(leaseMs, MAX_LEASE_MS)',
  },
  {
    name: 'hold: ends in time when the clock steps back',
    file: turn,
    find: 'shard.holdUs = Math.min(shard.holdUs, nowUs + shard.longestLeaseMs * 1000);',
    replace: '',
  },
  {
    name: 'server identity: at a sync',
    file: memory,
    find: '|| isOther) turn.beginIncarnation(noteText(nonce)',
    replace: ') turn.beginIncarnation(noteText(nonce)',
  },
  {
    name: 'hold: prolonged by who knew an earlier incarnation',
    file: memory,
    find: 'turn.prolongHold(leaseTtlMs);',
    replace: 'turn.holdLeftUs();',
  },
  {
    name: 'server identity: at a claim',
    file: memory,
    find: "if (proposals.some(({ kind }) => kind === 'claim'))",
    replace: 'if (false)',
  },
  {
    name: 'server identity: at a hold',
    file: memory,
    find: 'noticeServer(turn, request.node, server, 0);',
    replace: '',
  },
  { name: 'hold: ticket', file: memory, find: "if (!turn.isTicketGood(request)) return 'stale';", replace: '' },
  { name: 'hold: epoch', file: memory, find: "? 'fenced' : undefined", replace: '? undefined : undefined' },
  {
    name: 'server identity: where it is not known',
    file: memory,
    find: "const isOther = request.presence && server !== '' &&",
    replace: 'const isOther = request.presence &&',
  },
  {
    name: 'epoch: hybrid clock',
    file: turn,
    find: 'Math.max(shard.clock + 1, this.nowUs, floor + 1)',
    replace: 'shard.clock + 1',
  },
  {
    name: 'epoch: never falls',
    file: turn,
    find: 'Math.max(shard.clock + 1, this.nowUs, floor + 1)',
    replace: 'this.nowUs',
  },
  { name: 'epoch: above what the node knows', file: turn, find: ', floor + 1)', replace: ')' },
  {
    name: 'ruling: no longer than its span',
    file: turn,
    find: 'if (kept.untilUs <= latestUs) return kept;',
    replace: 'return kept;',
  },
  {
    name: 'ruling: a hold ends',
    file: turn,
    find: "if (entry.state === 'forced-open') return { ...entry, state: 'open' };",
    replace: '',
  },
  {
    name: 'message: pace',
    file: turn,
    find: 'if (sinceUs >= 0 && sinceUs < fleetSize * PACE_US_PER_NODE)',
    replace: 'if (false)',
  },
  { name: 'message: pace when the clock steps back', file: turn, find: 'sinceUs >= 0 && ', replace: '' },
  {
    name: 'message: begins where the last one ended',
    file: turn,
    find: 'const previous = shard.pendingFrom ?? ',
    replace: 'const previous = ',
  },
  { name: 'message: no more than MAX_TOLD', file: turn, find: 'changes.slice(0, MAX_TOLD)', replace: 'changes' },
  {
    name: 'sync: all for whoever knows another incarnation',
    file: memory,
    find: 'request.incarnation === shard.incarnation && ',
    replace: '',
  },
  { name: 'sync: all for whoever knows more', file: memory, find: ' && request.since <= shard.clock', replace: '' },
  {
    name: 'sync: the rest comes next',
    file: memory,
    find: 'hasMore ? (told.at(-1)?.[1] ?? 0) : shard.clock',
    replace: 'shard.clock',
  },
  { name: 'sync: nodes that are gone', file: memory, find: 'seenMs <= nowMs - request.nodeTtlMs || ', replace: '' },
  {
    name: 'sync: who leaves takes nobody along',
    file: memory,
    find: 'if (request.nodeTtlMs <= 0) {',
    replace: 'if (request.nodeTtlMs <= 0) {\n    shard.nodes.clear();',
  },
  { name: 'sync: shards of whoever was first', file: memory, find: 'if (shard.shards === 0) ', replace: '' },
  {
    name: 'flush: counted once',
    file: flush,
    find: 'if (sequence <= reporter.sequence && !counted.has(item.id)) return;',
    replace: '',
  },
  {
    name: 'flush: under the epoch that stands',
    file: flush,
    find: 'if (kept?.epoch === basis) return kept;',
    replace: 'if (kept !== undefined) return kept;',
  },
  { name: 'flush: fence', file: flush, find: 'basis !== entry.epoch || ', replace: '' },
  {
    name: 'flush: ticket',
    file: memory,
    find: 'const hasTicket = turn.isTicketGood(sender);\n  const counted',
    replace: 'const hasTicket = true;\n  const counted',
  },
  { name: 'flush: inside the window', file: flush, find: 'bucket > current - bucketCount && ', replace: '' },
  { name: 'flush: not from the future', file: flush, find: ' && bucket <= current', replace: '' },
  { name: 'flush: enough calls', file: flush, find: 'total >= item.minimumCalls && ', replace: '' },
  { name: 'flush: quorum of failing nodes', file: flush, find: ' && nodes >= item.quorum', replace: '' },
  { name: 'flush: nodes that failed long ago', file: flush, find: 'reporter.failedIn = -1;', replace: '' },
  {
    name: 'hold: ends by its own time',
    file: memory,
    find: 'wholeMs(request.forMs, MAX_HOLD_MS)',
    replace: 'request.forMs',
  },
  {
    name: 'hold: released with its time over',
    file: memory,
    find: "state: 'open', untilUs: turn.nowUs, reopenings",
    replace: "state: 'open', untilUs: turn.nowUs + 1000, spanMs: 1000, reopenings",
  },
  {
    name: 'hold: above what the operator knows',
    file: memory,
    find: 'turn.rule(id, floor, { state, notes',
    replace: 'turn.rule(id, 0, { state, notes',
  },
];
