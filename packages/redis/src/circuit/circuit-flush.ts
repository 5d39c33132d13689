/**
 * Circuit flush: the script that adds up windows. Contract: `circuit-flush.lua`.
 *
 * @module
 */

import type { FlushItem, FlushReply, FlushRequest, FlushResult } from '@holdfast/core/fleet';

import { type LuaScript, luaScript } from '../lua-script.ts';
import { circuitFlushLua } from '../lua-sources.ts';
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
import { type UnreadableRuling, readInteger, wireName, wireNumber } from './wire.ts';

/** The script. */
export const circuitFlush: LuaScript = luaScript('circuit-flush', circuitFlushLua);

/** Its keys and arguments. */
export function flushInput(place: CircuitPlace, request: FlushRequest): ScriptInput {
  const { keys } = place;
  const { items, sequence } = request;
  const furtherKeys = items.flatMap(({ id }) => [keys.window(id), keys.round(id), keys.ballots(id)]);
  return circuitInput(place, furtherKeys, [...senderWords(request), wireNumber(sequence), ...items.map(itemText)]);
}

/**
 * Reads its reply.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readFlushReply(reply: unknown, { items }: FlushRequest): FlushReply & HasUnreadable {
  const { header, rest } = openReply(reply);
  if (rest.length < 2 * items.length) throw unreadable('answers are missing');
  const unread: UnreadableRuling[] = [];
  const results = items.map((_item, index): FlushResult => {
    const { ruling, unreadable: later } = readReplyRuling(rest[2 * index + 1]);
    unread.push(...later);
    const result = readResult(rest[2 * index] ?? '');
    return ruling === undefined ? result : { ...result, ruling };
  });
  return { ...header, results, unreadable: unread };
}

// --- internal ---

function itemText(item: FlushItem): string {
  const { basis, successes, failures, ageMs, bucketMs, bucketCount } = item;
  const { minimumCalls, failureRatio, quorum, openForMs } = item;
  const numbers = [basis, successes, failures, ageMs, bucketMs, bucketCount];
  const rules = [minimumCalls, failureRatio, quorum, openForMs];
  return [wireName(item.id), ...[...numbers, ...rules].map(wireNumber), wireName(item.fingerprint)].join(' ');
}

const codes = ['counted', 'done', 'fenced', 'stale', 'failed'] as const;

function readResult(text: string): FlushResult {
  const [code, successesText = '', failuresText = ''] = text.split(' ');
  const [successes, failures] = [readInteger(successesText), readInteger(failuresText)];
  const known = codes.find((each) => each === code);
  if (known === undefined || !Number.isFinite(successes) || !Number.isFinite(failures))
    return { code: 'failed', successes: 0, failures: 0 };
  return { code: known, successes, failures };
}
