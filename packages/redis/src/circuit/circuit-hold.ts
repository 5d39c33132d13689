/**
 * Circuit hold: the script for operators. Contract: `circuit-hold.lua`.
 *
 * @module
 */

import { type HoldReply, type HoldRequest, MAX_REASON_LENGTH } from '@holdfast/core/fleet';

import { type LuaScript, luaScript } from '../lua-script.ts';
import { circuitHoldLua } from '../lua-sources.ts';
import type { ScriptInput } from '../script-link.ts';
import { type CircuitPlace, circuitInput, openReply, readReplyRuling, unreadable } from './circuit-reply.ts';
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
  const { id, state, forMs, basis, owner, reason, fleetSize, node } = request;
  const who = [wireName(owner), wireName(reason.slice(0, MAX_REASON_LENGTH))];
  return circuitInput(
    place,
    [keys.round(id), keys.ballots(id), keys.audit],
    [
      wireName(id),
      holdLetter(state),
      wireNumber(forMs),
      wireNumber(basis),
      ...who,
      wireNumber(fleetSize),
      wireName(node),
    ],
  );
}

/**
 * Reads its reply.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readHoldReply(reply: unknown): HoldReply {
  const { header, rest } = openReply(reply);
  const { ruling } = readReplyRuling(rest[0]);
  if (ruling === undefined) throw unreadable(`the ruling is ${String(rest[0])}`);
  return { ...header, ruling };
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
