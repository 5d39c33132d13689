/**
 * Store operator: what people ask of a store of circuits, and what they asked before.
 *
 * @module
 */

import { ConfigError, integerInRange, isName, oneOf, withKnown, messageOf } from '@holdfast/core';
import { type HoldRequest, MAX_HOLD_MS, type OperatorWish } from '@holdfast/core/fleet';

import { type AuditEntry, readAuditEntry } from '../circuit/circuit-hold.ts';
import { circuitKeys } from '../circuit/circuit-keys.ts';
import { StoreUnavailableError } from '../lua-script.ts';
import type { OwnConnection } from '../redis-client.ts';
import { troubleOf } from '../server-trouble.ts';
import { within } from '../within.ts';
import type { RequestLog } from './request-log.ts';
import type { StoreSettings } from './store-options.ts';

/** Who asks, and why: for the audit list and for whoever wonders. */
export interface OperatorNote {
  readonly owner: string;
  /** At most 100 characters are kept. */
  readonly reason?: string;
}

/** How a circuit is to be held. */
export interface HoldWish extends OperatorNote {
  /** Time after which the hold is over. Milliseconds, integer, 1 to 604 800 000, which is a week. */
  readonly forMs: number;
}

/**
 * Makes a request of a wish.
 *
 * @throws ConfigError when it has a value that it cannot have.
 */
export function holdRequest(name: string, state: HoldRequest['state'], wish: HoldWish): OperatorWish {
  const { owner, reason, forMs } = withKnown('hold', { reason: '' }, wish, ['owner', 'forMs']);
  isName('hold.name', name);
  isName('hold.owner', owner);
  if (typeof reason !== 'string') throw new ConfigError('hold.reason', 'a string', reason);
  integerInRange('hold.forMs', forMs, [1, MAX_HOLD_MS]);
  return { id: name, state, forMs, owner, reason };
}

/**
 * Returns the state in which the fleet holds what people hold `open` or `closed`.
 *
 * @throws ConfigError when it is neither.
 */
export function heldState(state: 'open' | 'closed'): HoldRequest['state'] {
  oneOf('hold.state', state, ['open', 'closed']);
  return state === 'open' ? 'forced-open' : 'forced-closed';
}

/** What the audit list is read with. */
export interface AuditParts {
  readonly commands: OwnConnection;
  readonly settings: StoreSettings;
  readonly log: RequestLog;
}

/**
 * Reads what operators did in all shards, the latest first.
 *
 * @throws StoreUnavailableError when a shard could not be read.
 */
export async function readAudit(parts: AuditParts, limit: number): Promise<readonly AuditEntry[]> {
  integerInRange('audit.limit', limit, [1, MAX_AUDITED]);
  const all: AuditEntry[] = [];
  for (let shard = 0; shard < parts.settings.shardCount; shard++) {
    all.push(...(await readShard(parts, shard, limit))); // one by one: a master of a Cluster is connected to by the first
  }
  return all.toSorted((one, other) => other.atUs - one.atUs).slice(0, limit);
}

// --- internal ---

const MAX_AUDITED = 1000;

async function readShard(
  { commands, settings, log }: AuditParts,
  shard: number,
  limit: number,
): Promise<readonly AuditEntry[]> {
  const { prefix, namespace, clock, commandTimeoutMs: timeoutMs } = settings;
  const { audit } = circuitKeys({ prefix, namespace, shard });
  const what = `the audit list ${audit}`;
  const read = (): Promise<unknown> => within({ clock, timeoutMs, what }, () => commands.lrange(audit, 0, limit - 1));
  const texts = await log.count('audit', read).catch((error: unknown) => {
    if (error instanceof StoreUnavailableError) throw error;
    throw new StoreUnavailableError(`${what} was not read: ${messageOf(error)}`, {
      cause: error,
      trouble: troubleOf(error),
    });
  });
  return Array.isArray(texts) ? texts.flatMap((text) => readAuditEntry(String(text)) ?? []) : [];
}
