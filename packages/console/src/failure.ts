/**
 * Failure: what went wrong in the service itself while it answered, told where it can be seen and not to who asked.
 *
 * @module
 */

import type { PolicyEvent, Registry } from '@holdfast/core';

/** The endpoint failed by itself, or could not read a policy; the client was told that, and nothing of the error. */
export interface AdminFailedEvent extends PolicyEvent {
  readonly type: 'admin.failed';
  readonly policy: 'admin';
  readonly name: 'admin';
  readonly error: unknown;
}

/** Tells the service of an error. */
export function tellFailure({ events }: Pick<Registry, 'events'>, error: unknown): void {
  const event: AdminFailedEvent = { type: 'admin.failed', policy: 'admin', name: 'admin', error };
  events.emit(event);
}

/** Reads what is to be in a list; where that cannot be read, or not be written, tells the service why, and returns what `otherwise` does. */
export function readOr<T, O>(registry: Pick<Registry, 'events'>, read: () => T, otherwise: () => O): T | O {
  try {
    const shown = read();
    JSON.stringify(shown); // what cannot be written would spoil the answer later
    return shown;
  } catch (error) {
    tellFailure(registry, error);
    return otherwise();
  }
}
