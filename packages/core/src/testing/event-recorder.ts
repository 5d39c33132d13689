/**
 * Event recorder: keeps the events that a test wants to assert on.
 *
 * @module
 */

import type { Events, PolicyEvent } from '../kernel/events.ts';

/** Events in the order in which they came. */
export interface EventRecorder {
  readonly events: readonly PolicyEvent[];
  /** Their types, in order. */
  readonly types: readonly string[];
  /** Stops recording. */
  stop(): void;
}

/** Records everything that is told on `source` from now on. */
export function recordEvents(source: Events): EventRecorder {
  const events: PolicyEvent[] = [];
  const stop = source.listen((event) => events.push(event));
  return {
    events,
    get types() {
      return events.map((event) => event.type);
    },
    stop,
  };
}
