/**
 * Circuit sync: the script that polls. Contract: `circuit-sync.lua`.
 *
 * @module
 */

import type { SyncReply, SyncRequest } from '@holdfast/core/fleet';

import { type LuaScript, luaScript } from '../lua-script.ts';
import { circuitSyncLua } from '../lua-sources.ts';
import type { ScriptInput } from '../script-link.ts';
import { type CircuitPlace, type HasUnreadable, circuitInput, openReply, unreadable } from './circuit-reply.ts';
import { readInteger, readRulings, wireName, wireNumber } from './wire.ts';

/** The script. */
export const circuitSync: LuaScript = luaScript('circuit-sync', circuitSyncLua);

/** Its keys and arguments. */
export function syncInput(place: CircuitPlace, request: SyncRequest): ScriptInput {
  const { node, incarnation, presence, nonce } = request;
  const { since, limit, nodeTtlMs, leaseTtlMs, shards, minor } = request;
  const who = [wireName(node), incarnation === '' ? '-' : incarnation];
  const times = [wireNumber(nodeTtlMs), wireNumber(leaseTtlMs), wireName(nonce)];
  const numbers = [wireNumber(shards), wireNumber(minor)];
  return circuitInput(
    place,
    [place.keys.nodes],
    [...who, wireNumber(since), wireNumber(limit), presence ? '1' : '0', ...times, ...numbers],
  );
}

/**
 * Reads its reply.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readSyncReply(reply: unknown): SyncReply & HasUnreadable {
  const { header, rest } = openReply(reply);
  const numbers = rest.slice(0, 5).map(readInteger);
  const [nodes = 0, more = 0, pollMs = 0, shards = 0, readerMinor = 0] = numbers;
  if (numbers.length < 5 || !numbers.every(Number.isFinite)) throw unreadable('numbers are missing');
  return { ...header, nodes, hasMore: more === 1, pollMs, shards, readerMinor, ...readRulings(rest.slice(5)) };
}
