/**
 * Circuit step: the script that takes proposals. Contract: `circuit-step.lua`.
 *
 * @module
 */

import type { Proposal, Result, StepReply, StepRequest } from '@holdfast/core/fleet';

import { type LuaScript, luaScript } from '../lua-script.ts';
import { circuitStepLua } from '../lua-sources.ts';
import type { ScriptInput } from '../script-link.ts';
import {
  type CircuitPlace,
  type HasUnreadable,
  circuitInput,
  openReply,
  readReplyRuling,
  senderWords,
  unreadable,
} from './circuit-reply.ts';
import {
  type UnreadableRuling,
  readInteger,
  readWireName,
  stateLetter,
  wireName,
  wireNumber,
  wireNotes,
} from './wire.ts';

/** The script. */
export const circuitStep: LuaScript = luaScript('circuit-step', circuitStepLua);

/** Its keys and arguments. */
export function stepInput(place: CircuitPlace, request: StepRequest): ScriptInput {
  const { keys } = place;
  const { proposals } = request;
  const furtherKeys = proposals.flatMap(({ id }) => [keys.round(id), keys.ballots(id)]);
  return circuitInput(place, furtherKeys, [...senderWords(request), ...proposals.map(proposalText)]);
}

/**
 * Reads its reply.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readStepReply(reply: unknown, { proposals }: StepRequest): StepReply & HasUnreadable {
  const { header, rest } = openReply(reply);
  if (rest.length < 2 * proposals.length) throw unreadable('answers are missing');
  const unread: UnreadableRuling[] = [];
  const results = proposals.map((_proposal, index): Result => {
    const { ruling, unreadable: later } = readReplyRuling(rest[2 * index + 1]);
    unread.push(...later);
    const answer = readAnswer(rest[2 * index] ?? '');
    return ruling === undefined ? answer : { ...answer, ruling };
  });
  return { ...header, results, unreadable: unread };
}

// --- internal ---

/** One proposal as words apart by spaces. */
function proposalText(proposal: Proposal): string {
  const [kind, words] = proposalWords(proposal);
  const all = words.map((word) => (typeof word === 'number' ? wireNumber(word) : word));
  return [kind, wireName(proposal.id), wireNumber(proposal.basis), ...all].join(' ');
}

type Words = readonly (string | number)[];

function proposalWords(proposal: Proposal): readonly [kind: string, words: Words] {
  switch (proposal.kind) {
    case 'trip': {
      const { openForMs, evidenceAgeMs, maxEvidenceMs, quorum, ballotTtlMs, why, fingerprint } = proposal;
      return [
        'T',
        [openForMs, evidenceAgeMs, maxEvidenceMs, quorum, ballotTtlMs, wireName(why), wireName(fingerprint)],
      ];
    }
    case 'claim': {
      const { want, leaseTtlMs, leaseBase } = proposal;
      const { maxProbes, neededSuccesses, neededFailures, maxLost, maxPerNode } = proposal.round;
      const round = [maxProbes, neededSuccesses, neededFailures, maxLost, maxPerNode];
      return ['C', [...reopenWords(proposal), want, leaseTtlMs, wireName(leaseBase), ...round]];
    }
    case 'report': {
      const { lease, succeeded, retryAfterMs, rampMs } = proposal;
      return ['R', [...reopenWords(proposal), wireName(lease), succeeded ? '1' : '0', retryAfterMs, rampMs]];
    }
    case 'release':
      return ['X', [wireName(proposal.lease)]];
    case 'local-close':
      return ['L', [proposal.evidenceAgeMs, proposal.successes, proposal.neededSuccesses, proposal.rampMs]];
    case 'seed': {
      const { state, remainingMs, spanMs, reopenings, notes } = proposal.ruling;
      return ['S', [proposal.leaseTtlMs, stateLetter(state), remainingMs, spanMs, reopenings, ...wireNotes(notes)]];
    }
    case 'bell':
      return ['B', [proposal.hotMs]];
  }
}

function reopenWords({
  openMs,
  backoffRatio,
  maxOpenMs,
}: {
  openMs: number;
  backoffRatio: number;
  maxOpenMs: number;
}): Words {
  return [openMs, backoffRatio, maxOpenMs];
}

/** Codes that stand alone. */
const plainCodes = ['stale', 'fenced', 'seed-first', 'already', 'old-evidence', 'done', 'lease-gone', 'noted'] as const;

const waits = ['early', 'hold', 'full'] as const;

function readAnswer(text: string): Result {
  const [code, ...words] = text.split(' ');
  const plain = plainCodes.find((each) => each === code);
  if (plain !== undefined) return { code: plain };
  const number = readInteger(words[0] ?? '');
  const answer = Number.isNaN(number) ? undefined : answerWith(code, number, words.slice(1));
  return answer ?? { code: 'failed', message: code === 'failed' ? words.join(' ') : text };
}

/** Codes that come with a number. */
function answerWith(code: string | undefined, number: number, words: readonly string[]): Result | undefined {
  if (code === 'voted') return { code, ballots: number };
  if (code === 'granted') return { code, leases: words.map(readWireName), remainingMs: number };
  const why = waits.find((each) => each === words[0]);
  return code === 'wait' && why !== undefined ? { code, forMs: number, why } : undefined;
}
