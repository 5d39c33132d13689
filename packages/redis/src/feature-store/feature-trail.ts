/**
 * Feature trail: the changes of a whole fleet, each entry with the hash of the one before.
 *
 *   <hash> ["<hash before>","<at>",feature,from,to,actor,reason,revision,cause,"<expiresAt>",params]
 *          └──────────── what is hashed, the same as in `audit-trail.ts` of degradation ──────────┘
 *
 * `params` are left out where there are none. The server puts the two times and the hash before around what this process sends, and hashes that: whoever wrote before it,
 * the chain goes on.
 *
 * @module
 */

import { type Clock, messageOf } from '@holdfast/core';

import { StoreUnavailableError } from '../lua-script.ts';
import type { OwnConnection } from '../redis-client.ts';
import { troubleOf } from '../server-trouble.ts';
import { within } from '../within.ts';
import type { FeatureRequests } from './feature-requests.ts';
import type { FeatureAuditEntry, SharedFeatureChange } from './shared-feature.ts';

/** Where a trail is read. */
export interface TrailPlace {
  readonly connection: OwnConnection;
  readonly key: string;
  readonly requests: FeatureRequests;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/**
 * Returns the last entries of a trail, oldest first.
 *
 * @throws StoreUnavailableError when no answer came in time.
 */
export async function readTrail(place: TrailPlace, limit: number): Promise<readonly FeatureAuditEntry[]> {
  const { connection, key, requests, clock, timeoutMs } = place;
  const patience = { clock, timeoutMs, what: 'LRANGE' };
  try {
    const texts = await requests.count('audit', () => within(patience, () => connection.lrange(key, 0, limit - 1)));
    return (texts as readonly string[]).flatMap((text) => readEntry(text) ?? []).toReversed();
  } catch (error) {
    if (error instanceof StoreUnavailableError) throw error;
    const message = `the trail was not read: ${messageOf(error)}`;
    throw new StoreUnavailableError(message, { cause: error, trouble: troubleOf(error) });
  }
}

/** The fields between the two times, as they stand in JSON. */
export function entryFields({ feature, from, to, actor, reason, revision, cause }: SharedFeatureChange): string {
  return JSON.stringify([feature, from, to, actor, reason, revision, cause]).slice(1, -1);
}

/** What stands after the second time, as it stands in JSON: the parameters, where there are any. */
export function entryParams({ params }: SharedFeatureChange): string {
  return params === undefined ? '' : `,${JSON.stringify(params)}`;
}

/**
 * How long after this what the change set expires; '' where it does not, or nobody can tell. `remainingMs` is what is left of
 * the override that it made, if it made one: a change may be offered again long after it was made.
 */
export function expiresInMs({ at, expiresAt, cause }: SharedFeatureChange, remainingMs: number | undefined): string {
  if (expiresAt === undefined) return '';
  if (cause === 'set' && remainingMs !== undefined) return String(remainingMs);
  // oxlint-disable-next-line no-restricted-globals -- reads two times that were handed in, and no clock
  const leftMs = Date.parse(expiresAt) - Date.parse(at);
  return Number.isNaN(leftMs) ? '' : String(leftMs);
}

// --- internal ---

type EntryFields = [
  previousHash: string,
  at: string,
  feature: string,
  from: string,
  to: string,
  actor: string,
  reason: string,
  revision: number,
  cause: SharedFeatureChange['cause'],
  expiresAt: string,
  params?: SharedFeatureChange['params'],
];

/** Reads an entry; undefined where it is none: the chain is broken there, which is for whoever checks it to see. */
function readEntry(text: string): FeatureAuditEntry | undefined {
  const split = text.indexOf(' ');
  try {
    const fields: unknown = JSON.parse(text.slice(split + 1));
    if (!Array.isArray(fields) || (fields.length !== 10 && fields.length !== 11)) return undefined;
    const [previousHash, at, feature, from, to, actor, reason, revision, cause, until, params] = fields as EntryFields;
    const change = {
      at,
      feature,
      from,
      to,
      actor,
      reason,
      revision,
      cause,
      expiresAt: until === '' ? undefined : until,
    };
    return { ...change, ...(params !== undefined && { params }), previousHash, hash: text.slice(0, split) };
  } catch {
    return undefined;
  }
}
