/**
 * Circuit reply: what the scripts of circuits have in common: where they run, and how their replies begin.
 *
 * Invariants
 *  (1) A reply of another major version, or that is none, is never taken for one: reading it throws.
 *
 * @module
 */

import type { Reply, Ruling, Sender } from '@holdfast/core/fleet';

import { StoreUnavailableError } from '../lua-script.ts';
import type { ScriptInput } from '../script-link.ts';
import type { CircuitKeys } from './circuit-keys.ts';
import {
  type UnreadableRuling,
  WIRE_MAJOR,
  isReadable,
  readInteger,
  readRuling,
  wireName,
  wireNumber,
} from './wire.ts';

/** Where the scripts of one shard run, and how they publish. */
export interface CircuitPlace {
  readonly keys: CircuitKeys;
  /** `SPUBLISH` in a Cluster. */
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH';
}

/** Rulings of a later minor version that are in a reply. A node decides alone on these circuits. */
export interface HasUnreadable {
  readonly unreadable: readonly UnreadableRuling[];
}

/** A reply as it arrives: its beginning, and the rest. */
export interface OpenReply {
  readonly header: Reply;
  readonly rest: readonly string[];
}

/** The keys and arguments of a script of a shard. */
export function circuitInput(
  { keys, publishCommand }: CircuitPlace,
  furtherKeys: readonly string[],
  args: readonly string[],
): ScriptInput {
  return {
    keys: [keys.meta, keys.rulings, keys.changes, ...furtherKeys],
    args: [keys.channel, publishCommand, ...args],
  };
}

/** What a sender says of itself: incarnation, ticket, node and fleet. */
export function senderWords({ incarnation, ticketUs, node, fleetSize }: Sender): readonly string[] {
  return [incarnation === '' ? '-' : incarnation, wireNumber(ticketUs), wireName(node), wireNumber(fleetSize)];
}

/**
 * Reads the beginning of a reply.
 *
 * @throws StoreUnavailableError when it is none, or of another major version: (1).
 */
export function openReply(reply: unknown): OpenReply {
  if (!Array.isArray(reply)) throw unreadable('it is no list');
  const [major, incarnation = '', nowText = '', clockText = '', ...rest] = (reply as readonly unknown[]).map(String);
  const [nowUs, clock] = [readInteger(nowText), readInteger(clockText)];
  if (major !== String(WIRE_MAJOR) || !Number.isFinite(nowUs) || !Number.isFinite(clock))
    throw unreadable(`it begins with ${String(major)} ${nowText} ${clockText}`);
  return { header: { incarnation: incarnation === '-' ? '' : incarnation, nowUs, clock }, rest };
}

/** Reads a ruling of a reply: what can be read of it is either that, or that it cannot be read; nothing where there is none. */
export function readReplyRuling(text: string | undefined): {
  ruling?: Ruling;
  unreadable: readonly UnreadableRuling[];
} {
  if (text === undefined || text === '') return { unreadable: [] };
  const ruling = readRuling(text);
  return isReadable(ruling) ? { ruling, unreadable: [] } : { unreadable: [ruling] };
}

/** The error of a reply that cannot be read. */
export function unreadable(why: string): StoreUnavailableError {
  return new StoreUnavailableError(`the reply of the store cannot be read: ${why}`);
}
