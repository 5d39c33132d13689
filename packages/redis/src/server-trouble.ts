/**
 * Server trouble: what an error of the server or of the connection means for whoever shares through it.
 *
 *   away    the server cannot serve now, or cannot be reached: it comes back without anybody's doing
 *   denied  the server refuses us, or all writes: somebody must change its configuration
 *   failed  anything else: the request itself is at fault
 *
 * Invariants
 *  (1) An error is told by the server's word wherever it stands in the message: older servers wrap it.
 *
 * @module
 */

import { messageOf } from '@holdfast/core';

/** What kept a request from being served. `timeout`: no reply came in time; it may have been served, or be served later. */
export type StoreTrouble = 'timeout' | 'away' | 'denied' | 'failed';

/** Returns what an error means. Never `timeout` but for the client's own: only who waits knows how long. */
export function troubleOf(error: unknown): StoreTrouble {
  const message = messageOf(error);
  if (message === CLIENT_TIMEOUT) return 'timeout';
  if (DENIED.test(message)) return 'denied'; // (1)
  if (AWAY.test(message) || CLIENT_AWAY.test(message) || hasSystemCode(error)) return 'away';
  return 'failed';
}

/** Whether an error says that the server does not know the command. */
export function isUnknownCommand(error: unknown): boolean {
  return /unknown command/i.test(messageOf(error));
}

/** Whether an error says that another server has the hash slot. */
export function isMoved(error: unknown): boolean {
  return /\bMOVED \d+ /.test(messageOf(error));
}

// --- internal ---

const DENIED = /\b(?:NOPERM|NOAUTH|WRONGPASS|MISCONF)\b|The user executing the script can't /;

const AWAY =
  /\b(?:READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|OOM|BUSY|TRYAGAIN|MOVED|ASK|UNBLOCKED|ERR max number of clients)\b/;

const CLIENT_TIMEOUT = 'Command timed out';

/** What the client says of its own connections. */
const CLIENT_AWAY =
  /Connection is closed|Stream isn't writeable|enableOfflineQueue|max retries per request|None of startup nodes|Failed to refresh slots|Too many Cluster redirections|Cluster is ended|aborted due to connection close|Socket timeout|sentinels are unreachable/;

/** Errors of the system, as Node reports them: ECONNREFUSED, ECONNRESET, ENOTFOUND, ... */
function hasSystemCode(error: unknown): boolean {
  const { syscall } = (typeof error === 'object' && error !== null ? error : {}) as { readonly syscall?: unknown };
  return typeof syscall === 'string';
}
