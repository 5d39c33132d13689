/**
 * Circuit hold: the script for operators. Contract: `circuit-hold.lua`.
 *
 * @module
 */

import { type HoldReply, type HoldRequest, MAX_REASON_LENGTH } from '@holdfast/core/fleet';

import { type LuaScript, luaScript } from '../lua-script.ts';
import { circuitHoldLua } from '../lua-sources.ts';
import type { ScriptInput } from '../script-link.ts';
import {
  type CircuitPlace,
  circuitInput,
  openReply,
  readReplyRuling,
  senderWords,
  unreadable,
} from './circuit-reply.ts';
import { readWireName, stateLetter, wireName, wireNumber } from './wire.ts';

/** The script. */
export const circuitHold: LuaScript = luaScript('circuit-hold', circuitHoldLua);

/** What an operator did. */
export interface AuditEntry {
  /** When, by the server's time. Microseconds. */
  readonly atUs: number;
  readonly owner: string;
  readonly state: HoldRequest['state'];
  readonly id: string;
  readonly forMs: number;
  readonly reason: string;
  /** The node that asked. */
  readonly node: string;
  /** The epoch of the ruling that it led to. */
  readonly epoch: number;
}

/** Its keys and arguments. */
export function holdInput(place: CircuitPlace, request: HoldRequest): ScriptInput {
  const { keys } = place;
  const { id, state, forMs, basis, owner, reason } = request;
  const wish = [wireName(id), holdLetter(state), wireNumber(forMs), wireNumber(basis)];
  const why = [wireName(owner), wireName(reason.slice(0, MAX_REASON_LENGTH))];
  const furtherKeys = [keys.round(id), keys.ballots(id), keys.audit];
  return circuitInput(place, furtherKeys, [...senderWords(request), ...wish, ...why]);
}

/**
 * Reads its reply.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readHoldReply(reply: unknown): HoldReply {
  const { header, rest } = openReply(reply);
  const code = codes.find((each) => each === rest[0]);
  const { ruling } = readReplyRuling(rest[1]);
  if (code === undefined || ruling === undefined) throw unreadable(`it says ${String(rest[0])} ${String(rest[1])}`);
  return { ...header, code, ruling };
}

/** Reads an entry of the list of what operators did; undefined where it is none. */
export function readAuditEntry(text: string): AuditEntry | undefined {
  const words = text.split(' ');
  const [at, owner, letter, id, forMs, reason, node, epoch] = words.map(readWireName) as AuditWords;
  const state = holdStates.find((each) => holdLetter(each) === letter);
  const numbers = { atUs: Number(at), forMs: Number(forMs), epoch: Number(epoch) };
  if (words.length < 8 || state === undefined || Object.values(numbers).some(Number.isNaN)) return undefined;
  return { ...numbers, owner, state, id, reason, node };
}

// --- internal ---

const codes = ['done', 'fenced', 'stale'] as const;

/** The words of an entry, if there are as many. */
type AuditWords = [
  at: string,
  owner: string,
  letter: string,
  id: string,
  forMs: string,
  reason: string,
  node: string,
  epoch: string,
];

const holdStates = ['forced-open', 'forced-closed', 'auto', 'closed'] as const;

function holdLetter(state: HoldRequest['state']): string {
  return state === 'auto' ? 'A' : stateLetter(state);
}
