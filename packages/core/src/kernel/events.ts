/**
 * Events: what policies tell whoever listens, and free where nobody does.
 *
 * Policies of one registry share one `Events`; a policy made alone tells nobody unless it is given one. A policy builds an event object only
 * after `active` said that somebody listens.
 *
 * Invariants
 *  (1) A listener that throws changes nothing for the call, for the policy or for other listeners.
 *  (2) Listeners are told in the order in which they came; one added or removed meanwhile takes part from the next event.
 *
 * @module
 */

import { reportHookError } from './hooks.ts';

/** What every event tells. Policies add their own fields. */
export interface PolicyEvent {
  /** What happened: `<policy slug>.<past participle>`, for example `circuit-breaker.opened`. */
  readonly type: string;
  /** Slug of the policy's kind. */
  readonly policy: string;
  /** Name of the policy. */
  readonly name: string;
}

/** Receives events. What it throws, or a promise of it rejects with, is reported and changes nothing else. */
export type EventListener<E extends PolicyEvent = PolicyEvent> = (event: E) => unknown;

/** A place where events are told and heard. */
export interface Events {
  /** Whether anybody listens; without a listener no event is worth building. */
  readonly active: boolean;
  /** Calls `listener` with every event from now on. Returns a function that ends it. */
  listen(listener: EventListener): () => void;
  /** Tells all listeners. Never throws. */
  emit(event: PolicyEvent): void;
}

/** Creates a place for events without listeners. */
export function createEvents(): Events {
  return new ListenerList();
}

/** Events that nobody can hear: for policies that were given none. */
export const silence: Events = Object.freeze({
  active: false,
  listen: () => () => {},
  emit: () => {},
});

// --- internal ---

class ListenerList implements Events {
  #listeners: readonly EventListener[] = [];

  get active(): boolean {
    return this.#listeners.length > 0;
  }

  listen(listener: EventListener): () => void {
    const entry: EventListener = (event) => listener(event); // so that one function may listen twice
    this.#listeners = [...this.#listeners, entry];
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== entry);
    };
  }

  emit(event: PolicyEvent): void {
    for (const listener of this.#listeners) {
      try {
        const promised = listener(event);
        if (promised instanceof Promise)
          promised.catch((error: unknown) => reportHookError('listener', error, event.name));
      } catch (error) {
        reportHookError('listener', error, event.name); // (1)
      }
    }
  }
}
