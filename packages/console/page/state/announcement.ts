/**
 * Announcement: what a screen reader is told of a batch of events, in one sentence or two.
 *
 * @module
 */

import type { Action, LiveEvent } from '../api/answers.ts';
import { deedOf } from './deeds.ts';

/** Returns what is worth telling; undefined where nothing is. */
export function announcementOf(events: readonly LiveEvent[]): string | undefined {
  const circuits = new Map<string, string>();
  const actions: Action[] = [];
  for (const event of events) {
    if (event.type === 'circuit') circuits.set(event.data.id, event.data.to);
    if (event.type === 'action') actions.push(event.data);
  }
  const told = [...circuits].slice(0, MAX_NAMED).map(([id, state]) => `${id} is ${state}`);
  const left = circuits.size - told.length;
  const sentences = [
    ...actions.slice(-MAX_NAMED).map((action) => `${action.actor} ${deedOf(action)}`),
    ...told,
    ...(left > 0 ? [`${left} more circuits changed`] : []),
  ];
  return sentences.length === 0 ? undefined : `${sentences.join('. ')}.`;
}

// --- internal ---

const MAX_NAMED = 3;
