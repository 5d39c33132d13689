/**
 * Feature scripts: what is sent with the scripts of features, and how their replies are read. Contracts: `feature-sync.lua`,
 * `feature-save.lua`.
 *
 * @module
 */

import { type LuaScript, StoreUnavailableError, luaScript } from '../lua-script.ts';
import { featureSaveLua, featureSyncLua } from '../lua-sources.ts';
import type { ScriptInput } from '../script-link.ts';
import type { FeatureKeys } from './feature-keys.ts';
import { entryFields, entryParams, expiresInMs } from './feature-trail.ts';
import type { SentFeature } from './packed-feature.ts';
import type { SharedFeatureChange } from './shared-feature.ts';

/** The script that tells what there is. */
export const featureSync: LuaScript = luaScript('feature-sync', featureSyncLua);

/** The script that keeps a record. */
export const featureSave: LuaScript = luaScript('feature-save', featureSaveLua);

/** A record as the server has it. */
export interface KeptFeature {
  readonly field: string;
  readonly packed: string;
}

/** What a sync tells. */
export interface SyncReply {
  readonly serverMs: number;
  readonly stamp: string;
  /** All that there is; undefined where the stamp is the one that was known. */
  readonly all: readonly KeptFeature[] | undefined;
}

/** What a save tells. */
export interface SaveReply {
  readonly serverMs: number;
  /** Stamps before and after. */
  readonly before: string;
  readonly after: string;
  readonly isSaved: boolean;
  /** The record that is there now. */
  readonly packed: string;
}

/** What a notice tells. */
export interface FeatureNotice extends KeptFeature {
  readonly before: string;
  readonly after: string;
}

/** What is saved, and how. */
export interface SaveRequest {
  readonly sent: SentFeature;
  readonly change: SharedFeatureChange | undefined;
  readonly publish: 'PUBLISH' | 'SPUBLISH';
  /** Unique to the write. */
  readonly mark: string;
  readonly maxAuditEntries: number;
  /** The server's time when it is sent; undefined where that is not known. Milliseconds. */
  readonly sentMs: number | undefined;
  /** The record that was found there and cannot be read; undefined where there is none. */
  readonly unreadable: string | undefined;
}

/** Keys and arguments of a sync. */
export function syncInput({ stamp, records }: FeatureKeys, known: string): ScriptInput {
  return { keys: [stamp, records], args: [known] };
}

/** Keys and arguments of a save. */
export function saveInput({ stamp, records, trail, channel }: FeatureKeys, request: SaveRequest): ScriptInput {
  const { sent, change, publish, mark, maxAuditEntries, sentMs, unreadable } = request;
  const { field, revision, origin, seal, text } = sent;
  const entry = change === undefined ? ['', ''] : [entryFields(change), expiresInMs(change, sent.madeRemainingMs)];
  return {
    keys: [stamp, records, trail],
    args: [
      channel,
      publish,
      mark,
      field,
      revision,
      origin,
      seal,
      text,
      ...entry,
      maxAuditEntries,
      sentMs ?? '',
      unreadable ?? '',
      change === undefined ? '' : entryParams(change),
    ],
  };
}

/**
 * Reads the reply to a sync.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readSync(reply: unknown): SyncReply {
  const [serverMs, stamp, all] = listOf(reply);
  return { serverMs: numberOf(serverMs), stamp: textOf(stamp), all: all === undefined ? undefined : pairsOf(all) };
}

/**
 * Reads the reply to a save.
 *
 * @throws StoreUnavailableError when it cannot be read.
 */
export function readSave(reply: unknown): SaveReply {
  const [serverMs, before, after, code, packed] = listOf(reply);
  if (code !== 'saved' && code !== 'kept') throw unreadableError();
  const stamps = { before: textOf(before), after: textOf(after) };
  return { serverMs: numberOf(serverMs), ...stamps, isSaved: code === 'saved', packed: textOf(packed) };
}

/** Reads a notice; undefined where it is none, or one of another major version. */
export function readNotice(text: string): FeatureNotice | undefined {
  const { before, after, field, packed } = NOTICE.exec(text)?.groups ?? {};
  if (before === undefined || after === undefined || field === undefined || packed === undefined) return undefined;
  return { before, after, field, packed };
}

// --- internal ---

const NOTICE = /^1 (?<before>\S+) (?<after>\S+) (?<field>\S+) (?<packed>.+)$/s;

function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw unreadableError();
  return reply;
}

function pairsOf(flat: unknown): readonly KeptFeature[] {
  const words = listOf(flat);
  return Array.from({ length: words.length / 2 }, (_each, index) => ({
    field: textOf(words[2 * index]),
    packed: textOf(words[2 * index + 1]),
  }));
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw unreadableError();
  return value;
}

function numberOf(value: unknown): number {
  const number = Number(value);
  if (!Number.isFinite(number)) throw unreadableError();
  return number;
}

function unreadableError(): StoreUnavailableError {
  return new StoreUnavailableError('the reply of the store cannot be read', { trouble: 'failed' });
}
