/**
 * Watch limit: how many clients may watch at once, and how many of them may be viewers.
 *
 * @module
 */

import type { ServerResponse } from 'node:http';

import type { Role } from '@holdfast/degradation';

import { Problem } from '../api/problem.ts';

/**
 * Requires a place for one more client. Viewers get three quarters of the places, so that they keep no operator out.
 *
 * @throws Problem when there is none (503).
 */
export function requirePlace(
  watchers: Iterable<{ readonly isViewer: boolean }>,
  maxWatchers: number,
  role: Role,
): void {
  const there = [...watchers];
  const viewers = there.filter(({ isViewer }) => isViewer).length;
  const isFullOfViewers = role === 'viewer' && viewers >= Math.ceil(maxWatchers * VIEWER_SHARE);
  if (there.length < maxWatchers && !isFullOfViewers) return;
  const detail = `too many clients watch already, of ${maxWatchers} in all; try again when one of them has left`;
  throw new Problem(503, detail, { code: 'TOO_MANY_WATCHERS' }, { 'Retry-After': '5' });
}

/**
 * Requires that no earlier request of the connection waits for its answer: until it has one, a later answer has no connection.
 *
 * @throws Problem when one does (503).
 */
export function requireConnection({ socket }: Pick<ServerResponse, 'socket'>): void {
  if (socket !== null) return;
  const detail = 'a stream needs a connection on which nothing else waits for an answer';
  throw new Problem(503, detail, { code: 'CONNECTION_BUSY' }, { 'Retry-After': '1' });
}

// --- internal ---

const VIEWER_SHARE = 0.75;
