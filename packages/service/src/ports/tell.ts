/**
 * Tell: how events and hooks of the user's are told something, so that what they throw reaches nobody else.
 *
 * Invariants
 *  (1) Neither an `Events` nor a hook that throws, or rejects, changes anything for who tells; it is reported.
 *  (2) Without a listener no event is built.
 *
 * @module
 */

import { type Events, type PolicyEvent, reportHookError } from '@holdfast/core';

/** Tells an event, where somebody listens. Never throws. */
export function tell(events: Events | undefined, name: string, event: () => PolicyEvent): void {
  try {
    if (events?.active === true) events.emit(event()); // (2)
  } catch (error) {
    reportHookError('events', error, name); // (1)
  }
}

/** Calls a hook, and waits for nothing. Never throws. */
export function callHook(hook: string, name: string, call: () => unknown): void {
  try {
    const promised = call();
    if (promised instanceof Promise) promised.catch((error: unknown) => reportHookError(hook, error, name));
  } catch (error) {
    reportHookError(hook, error, name); // (1)
  }
}
