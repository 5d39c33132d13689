/**
 * Outbox reply: what goes to the scripts of an outbox and comes back from them.
 *
 * Invariants
 *  (1) What is no reply of these scripts is never taken for one.
 *  (2) An item is kept only if it comes back equal as JSON, and is not too large.
 *
 * @module
 */

import { OutboxItemError } from './outbox-error.ts';

/** What is in an outbox. */
export interface RedisOutboxCounts {
  /** Items that wait for their turn. */
  readonly waiting: number;
  /** Items that somebody has taken and not settled. */
  readonly taken: number;
  /** Items that could not be delivered, and wait for a person. */
  readonly dead: number;
}

/** One item, taken to be delivered. */
export interface RedisOutboxEntry<T> {
  /** Stays the same however often the item is delivered: what to hand on as its idempotency key. */
  readonly key: string;
  /** A copy, made of JSON. */
  readonly item: T;
  /** Number of this attempt, from 1. Attempts that came to no end, because their process died, count. */
  readonly attempt: number;
  /** How many of the attempts right before this one came to no end: since the item came, was revived or was postponed. From 0. */
  readonly unendedCount: number;
  /** Time since the item came, or was revived, by the server's clock. Milliseconds, from 0. */
  readonly ageMs: number;
  /** Names this taking of the item, for the outbox alone. */
  readonly receipt: string;
}

/** An item that could not be delivered. */
export interface RedisDeadItem<T> {
  readonly key: string;
  /** Undefined where what is kept cannot be read. */
  readonly item: T;
  /** Attempts that were made. */
  readonly attempt: number;
  /** What the last one came to. */
  readonly why: string;
}

/** An item that was taken, as text. */
export interface TakenText {
  readonly id: string;
  readonly key: string;
  readonly attempt: number;
  readonly text: string;
  readonly generation: string;
  readonly unendedCount: number;
  readonly ageMs: number;
}

/** Something that may cost the work that is kept. */
export type OutboxRisk =
  /** The server may drop any key when its memory is full: `maxmemory-policy` is none of `noeviction` and `volatile-*`. */
  | 'evicts-keys'
  /** The server keeps no append-only file: what was added since the last snapshot is lost with it. */
  | 'no-append-only-file';

/**
 * Writes an item.
 *
 * @throws OutboxItemError when it has no JSON, or is larger than `maxBytes`.
 */
export function writeItem(key: string, item: unknown, maxBytes: number): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(item) as string | undefined; // undefined and functions have no JSON
  } catch (error) {
    throw new OutboxItemError(key, 'not-json', `the item ${quote(key)} has no JSON`, error); // (2)
  }
  if (text === undefined) throw new OutboxItemError(key, 'not-json', `the item ${quote(key)} has no JSON`); // (2)
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  throw new OutboxItemError(key, 'too-large', `the item ${quote(key)} has ${bytes} bytes, more than ${maxBytes}`); // (2)
}

/** Reads the reply of an add. Throws a TypeError where it is none. */
export function readAdded(reply: unknown): 'kept' | 'known' | 'full' {
  if (reply === 'kept' || reply === 'known' || reply === 'full') return reply;
  throw notAReply('add'); // (1)
}

/** Reads the reply of a take: an item, or the time to wait. Throws a TypeError where it is none. */
export function readTaken(reply: unknown): TakenText | number {
  const [kind, ...rest] = listOf(reply);
  if (kind === 'none') return Infinity;
  if (kind === 'wait' && Number(rest[0]) >= 0) return Number(rest[0]);
  if (kind !== 'entry' || rest.length < 7) throw notAReply('take'); // (1)
  const [id = '', key = '', attempt, text = '', generation = '', unended, age] = rest.map(String);
  return { id, key, attempt: Number(attempt), text, generation, unendedCount: Number(unended), ageMs: Number(age) };
}

/** Reads a reply of 1 or 0. Throws a TypeError where it is none. */
export function readFlag(reply: unknown): boolean {
  if (reply === 1 || reply === 0) return reply === 1;
  throw notAReply('change'); // (1)
}

/** Reads the counts of a look. Throws a TypeError where they are none. */
export function readCounts(reply: unknown): RedisOutboxCounts {
  const [kept, taken, dead] = listOf(reply).map(Number);
  if (kept === undefined || taken === undefined || dead === undefined || Number.isNaN(kept + taken + dead))
    throw notAReply('look'); // (1)
  return { waiting: kept - taken, taken, dead };
}

/** Reads the age of the first in line, of a look; undefined where there is none. Throws a TypeError where it has none. */
export function readFirstAge(reply: unknown): number | undefined {
  const ageMs = Number(listOf(reply)[5] ?? Number.NaN);
  if (Number.isNaN(ageMs)) throw notAReply('look'); // (1)
  return ageMs < 0 ? undefined : ageMs;
}

/** Reads the dead of a look. Throws a TypeError where it is none. */
export function readDead<T>(reply: unknown): readonly RedisDeadItem<T>[] {
  const rows = listOf(reply)[3];
  if (!Array.isArray(rows)) throw notAReply('look'); // (1)
  return rows.map((row) => {
    const [key = '', attempt, why = '', text = ''] = listOf(row).map(String);
    return { key, item: readItem(text) as T, attempt: Number(attempt), why };
  });
}

/** Reads what in the server's settings may cost the work. Throws a TypeError where the reply has none. */
export function readRisks(reply: unknown): readonly OutboxRisk[] {
  const settings = listOf(reply)[4];
  const text = typeof settings === 'string' ? settings : '';
  const policy = /^maxmemory_policy:(\S+)/m.exec(text)?.[1];
  const isAppendOnly = /^aof_enabled:(\d)/m.exec(text)?.[1];
  if (policy === undefined || isAppendOnly === undefined) throw notAReply('look'); // (1)
  return [
    ...(/^(?:noeviction|volatile-)/.test(policy) ? [] : (['evicts-keys'] as const)),
    ...(isAppendOnly === '1' ? [] : (['no-append-only-file'] as const)),
  ];
}

/** Reads an item; undefined where it cannot be read. */
export function readItem(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

// --- internal ---

function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function notAReply(to: string): TypeError {
  return new TypeError(`not a reply of an outbox to ${to}`);
}

function quote(key: string): string {
  return JSON.stringify(key);
}
