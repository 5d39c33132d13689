/**
 * Script breaks: rules that are removed from the texts of the scripts, one at a time.
 *
 * @module
 */

import type { ScriptBreak } from './script-ledger.ts';
import type { Invariant } from './violation.ts';

/** One way in which the fleet could be wrong. */
export interface Break {
  /** The rule that is removed; no two have the same. */
  readonly rule: string;
  /** Invariants by which that may be noticed; none where another rule does the same, as `because` says. */
  readonly noticedBy: readonly Invariant[];
  readonly because?: string;
  /** In the scripts. */
  readonly scripts?: readonly ScriptBreak[];
  /** In the logic of nodes: breaks it, and returns what mends it again. */
  readonly node?: () => () => void;
}

const ticket: ScriptBreak = { find: "if not hasTicket then return 'stale' end", replace: '' };
const epochFence: ScriptBreak = {
  find: "if not (round and round.p == op.basis) then return 'fenced' end",
  replace: '',
};
const evidenceAge: ScriptBreak = {
  find: "if now - age * 1000 < op.basis or age > num(words[6]) then return 'old-evidence' end",
  replace: '',
};

/** The rules of the ledger. */
export const scriptBreaks: readonly Break[] = [
  {
    rule: 'ticket',
    noticedBy: ['I4', 'I7', 'I8', 'I10'],
    scripts: [ticket],
  },
  {
    rule: 'hold after a new incarnation',
    noticedBy: ['I3'],
    scripts: [{ find: "if hold > 0 then return 'wait ' .. int(ceilMs(hold)) .. ' hold' end", replace: '' }],
  },
  {
    rule: 'a new server process begins a new incarnation',
    noticedBy: ['I3'],
    scripts: [{ find: "server ~= '' and server ~= meta.run", replace: 'false' }],
  },
  {
    rule: 'K leases at once',
    noticedBy: ['I3', 'I6'],
    scripts: [{ find: 'math.min(round.K, budget) - round.out', replace: 'budget' }],
  },
  {
    rule: 'leases of a round that has ended hold back the next',
    noticedBy: ['I3'],
    scripts: [{ find: 'local out = round and 0 or outLeft(op.round)', replace: 'local out = 0' }],
  },
  {
    rule: 'S + F - 1 leases that count in a round',
    noticedBy: ['I6'],
    scripts: [{ find: 'math.min(round.K, budget) - round.out', replace: 'round.K - round.out' }],
  },
  {
    rule: 'a round ends when more than V leases are lost',
    noticedBy: ['I6'],
    scripts: [{ find: 'if round.x > round.V then', replace: 'if false then' }],
  },
  {
    rule: 'a lease that has expired counts no more',
    noticedBy: ['I5', 'I6'],
    scripts: [
      { find: 'if not lease or lease.expires <= now then return nil end', replace: 'if not lease then return nil end' },
    ],
  },
  {
    rule: 'a lease counts once',
    noticedBy: ['I5', 'I6', 'I8'],
    scripts: [
      {
        find: 'if not lease or lease.expires <= now then return nil end',
        replace: 'if not lease or lease.expires <= now then return nil end\ndo return lease.node end',
      },
    ],
  },
  {
    rule: 'a lease name is granted once',
    noticedBy: ['I6', 'I8'],
    scripts: [{ find: 'if round.done[name] or freeLeases', replace: 'if freeLeases' }],
  },
  {
    rule: 'enough successes close',
    noticedBy: ['I5', 'I6'],
    scripts: [{ find: 'if round.s >= round.S then', replace: 'if round.s >= 1 then' }],
  },
  {
    rule: 'reports are of the round that stands',
    noticedBy: ['I1', 'I3', 'I5', 'I6', 'I8'],
    scripts: [
      {
        find: "if op.basis ~= entry.epoch or entry.state ~= 'H' then return 'fenced' end",
        replace: "if entry.state ~= 'H' then return 'fenced' end",
      },
      {
        find: "local by = round and takeLease(round, words[op.kind == 'R' and 7 or 4])",
        replace: 'local by = round and node',
      },
    ],
  },
  {
    rule: 'no probe before the open time is over',
    noticedBy: ['I9'],
    scripts: [{ find: "if entry.state == 'O' and now < entry.till then", replace: 'if false then' }],
  },
  {
    rule: 'epochs are of the time: a counter instead',
    noticedBy: ['I1', 'I2', 'I7', 'I10', 'I21'],
    scripts: [
      {
        find: 'return math.max(meta.c + 1, now, floor + 1)',
        replace: 'return math.max(meta.c, floor) + 1',
      },
      { find: "if meta.c == 0 then setMeta('c', now) end", replace: '' },
    ],
  },
  {
    rule: 'an epoch is above what the asking node knows',
    noticedBy: ['I1', 'I7', 'I8', 'I10'],
    scripts: [{ find: 'return math.max(meta.c + 1, now, floor + 1)', replace: 'return math.max(meta.c + 1, now)' }],
  },
  {
    rule: 'epoch fence and evidence age',
    noticedBy: ['I4', 'I8', 'I9'],
    scripts: [epochFence, evidenceAge],
  },
  {
    rule: 'epoch fence alone',
    noticedBy: ['I3', 'I4', 'I7', 'I8', 'I9', 'I10'],
    scripts: [epochFence],
  },
  {
    rule: 'evidence age alone',
    noticedBy: [],
    because:
      'a node forgets what it saw when it takes up a ruling, and the epoch fence refuses what is based on one before; it is there for nodes of other versions',
    scripts: [evidenceAge],
  },
  {
    rule: 'quorum',
    noticedBy: ['I19'],
    scripts: [{ find: "if #voters < quorum then return 'voted ' .. int(#voters) end", replace: '' }],
  },
  {
    rule: 'a ballot ends',
    noticedBy: ['I19'],
    scripts: [{ find: "redis.call('ZREMRANGEBYSCORE', op.ballots, '-inf', int(now))", replace: '' }],
  },
  {
    rule: 'a ballot is bound to an epoch',
    noticedBy: ['I19'],
    scripts: [
      { find: 'if string.sub(ballot, 1, #prefix) == prefix then', replace: 'if true then' },
      { find: "redis.call('DEL', place.round, place.ballots)", replace: "redis.call('DEL', place.round)" },
    ],
  },
  {
    rule: 'quorum of a window',
    noticedBy: ['I19'],
    scripts: [{ find: 'return isReached and nodes >= item.quorum', replace: 'return isReached' }],
  },
  {
    rule: 'a flush counts once',
    noticedBy: ['I20'],
    scripts: [{ find: 'if sequence <= reporter.sequence and not counted[item.id] then return end', replace: '' }],
  },
  {
    rule: 'a window is of one epoch',
    noticedBy: ['I20', 'I19'],
    scripts: [
      { find: "if item.basis ~= entry.epoch or entry.state ~= 'C' then", replace: "if entry.state ~= 'C' then" },
    ],
  },
  {
    rule: 'a half-open circuit is seeded as an open one',
    noticedBy: ['I5', 'I13', 'I7', 'I3', 'I9'],
    scripts: [{ find: "if state == 'H' then", replace: 'if false then' }],
  },
  {
    rule: 'a half-open ruling says how long its leases live',
    noticedBy: ['I13'],
    scripts: [{ find: ", 'lt', int(leaseOf(wanted))", replace: '' }],
  },
  {
    rule: 'a seed does not take the place of what is newer',
    noticedBy: ['I1', 'I10', 'I8'],
    scripts: [{ find: "if op.basis <= ruled(op.id).epoch then return 'already' end", replace: '' }],
  },
  {
    rule: 'a hold is taken once',
    noticedBy: ['I8', 'I10'],
    scripts: [{ find: "if num(ARGV[10]) < entry.epoch then return 'fenced' end", replace: '' }],
  },
  {
    rule: 'every key has a time to live',
    noticedBy: ['I14'],
    scripts: [{ find: "for key in pairs(touched) do redis.call('PEXPIRE', key, ttl) end", replace: '' }],
  },
  {
    rule: 'leases of one node in a round',
    noticedBy: ['I6'],
    scripts: [{ find: '(round.nodes[node] or 0) >= round.N and', replace: 'false and' }],
  },
];
