/**
 * Tell: how events are told, so that what an `Events` of the user's throws reaches nobody else.
 *
 * Invariants
 *  (1) An `Events` that throws changes nothing for who tells; it is reported.
 *  (2) Without a listener no event is built.
 *
 * @module
 */

import type { Events, PolicyEvent } from './events.ts';
import { reportHookError } from './hooks.ts';

/** Tells the event that `event` builds, where somebody listens; `name` is whose it is. Never throws. */
export function tellEvent(events: Events | undefined, name: string, event: () => PolicyEvent): void {
  try {
    if (events?.active === true) events.emit(event()); // (2)
  } catch (error) {
    reportHookError('events', error, name); // (1)
  }
}
