/**
 * Diagnostics: what policies do, on channels of `node:diagnostics_channel`, for any listener that is not ours: an APM agent, a
 * log, a test. This part needs nothing of OpenTelemetry.
 *
 *   holdfast:call:start, holdfast:call:end         a call of a pipeline, or of a keyed policy
 *   holdfast:attempt:start, holdfast:attempt:end   one attempt of a retry, one copy of a hedge
 *   holdfast:event                                 what policies tell: a circuit opens, a retry gives up, ...
 *
 * Invariants
 *  (1) Without a subscriber nothing is built and nothing is read: no message, no event, no clock.
 *  (2) `start` and `end` of the same are told with the same object; what has a start has exactly one end, if anybody listens
 *      by then.
 *  (3) Publishing changes nothing about a call.
 *
 * @module
 */

import { channel } from 'node:diagnostics_channel';

import {
  type Clock,
  ConfigError,
  type EventListener,
  type Events,
  type Layer,
  type NamedPolicy,
  type PipelineTap,
  type Policy,
  type PolicyEvent,
  type Registry,
  type TapPlace,
  createEvents,
  withKnown,
} from '@holdfast/core';

import { ShownNames, calledAt, keyAt } from '../shown-names.ts';
import { tapCalls } from '../tapped-registry.ts';
import { PublishedRun, type RunChannels, type RunSource } from './published-run.ts';

export type { RunMessage } from './published-run.ts';

/** Options of {@link publishCalls}. */
export interface PublishCallsOptions {
  /** Whose pipelines tell of their calls: those that are there and those that come. */
  readonly registry: Registry;
}

/** What {@link publishCalls} has begun. */
export interface CallPublication {
  /** Ends it. May be called twice; does nothing the second time. */
  close(): void;
}

/**
 * Makes events that are published on the channel `holdfast:event`, beside being told to listeners: for the option `events` of a
 * registry or policy. An event is built only where there is a listener or a subscriber.
 *
 * @example
 * ```ts
 * const registry = createRegistry({ events: publishedEvents() });
 * ```
 */
export function publishedEvents(): Events {
  return new PublishedEvents();
}

/**
 * Publishes the calls of a registry's pipelines, and the attempts of their retries and hedges. The messages are of the type
 * {@link RunMessage}.
 *
 * @throws ConfigError when the registry is none.
 * @throws TypeError when the calls of the registry are already published.
 *
 * @example
 * ```ts
 * const publication = publishCalls({ registry });
 * ```
 */
export function publishCalls(options: PublishCallsOptions): CallPublication {
  const { registry } = withKnown('publishCalls', {}, options, ['registry']);
  if (typeof registry?.watch !== 'function')
    throw new ConfigError('publishCalls.registry', 'a Registry of @holdfast/core', registry);
  if (published.has(registry)) throw new TypeError('the calls of this registry are published already');
  published.add(registry);
  const stop = tapCalls(registry, new PublishingTap(registry));
  let isClosed = false;
  return {
    close() {
      if (isClosed) return;
      isClosed = true;
      stop();
      published.delete(registry);
    },
  };
}

// --- internal ---

/** Registries whose calls are published: twice would be two messages for each. */
const published = new WeakSet<Registry>();

class PublishedEvents implements Events {
  readonly #channel = channel('holdfast:event');
  readonly #events = createEvents();

  get active(): boolean {
    return this.#channel.hasSubscribers || this.#events.active; // (1)
  }

  listen(listener: EventListener): () => void {
    return this.#events.listen(listener);
  }

  emit(event: PolicyEvent): void {
    this.#events.emit(event);
    if (this.#channel.hasSubscribers) this.#channel.publish(event);
  }
}

/** The layers of all that one registry publishes. */
class PublishingTap implements PipelineTap {
  readonly #calls: RunChannels;
  readonly #attempts: RunChannels;
  readonly #names = new ShownNames();
  /** The run whose start this turn is on its way inward from. */
  #begun: PublishedRun | undefined;

  constructor({ clock }: Registry) {
    this.#calls = channelsOf('call', clock);
    this.#attempts = channelsOf('attempt', clock);
  }

  isAwake(): boolean {
    return hasSubscribers(this.#calls) || hasSubscribers(this.#attempts); // (1)
  }

  layerBetween(outer: Policy<unknown> | undefined, _inner: unknown, place: TapPlace): Layer | undefined {
    if (outer === undefined) {
      const called = calledAt(place);
      if (called !== undefined) return this.#publishing(this.#calls, called, place);
      return place.key !== undefined && place.outside === undefined ? this.#sayingKey(place.key) : undefined;
    }
    const named = outer as NamedPolicy<unknown>;
    const hasAttempts = named.kind === 'retry' || named.kind === 'hedge';
    return hasAttempts ? this.#publishing(this.#attempts, named, place) : undefined;
  }

  // --- internal ---

  /** Publishes the start and the end of what is inside. */
  #publishing(channels: RunChannels, { kind, name }: NamedPolicy<unknown>, place: TapPlace): Layer {
    const source: RunSource = { policy: kind, name: this.#names.at(name, place), key: keyAt(place)?.key };
    return (inner) => (operation, context, sink, now) => {
      const before = this.#begun;
      const run = hasSubscribers(channels) ? new PublishedRun(channels, { ...source, context }, sink) : undefined; // (1)
      this.#begun = run;
      inner(operation, context, run ?? sink, now);
      this.#begun = before;
    };
  }

  /** Says the key of the call that came to a keyed policy in this turn. */
  #sayingKey(key: string): Layer {
    return (inner) => (operation, context, sink, now) => {
      this.#begun?.runsUnder(key);
      inner(operation, context, sink, now);
    };
  }
}

function channelsOf(what: string, clock: Clock): RunChannels {
  return { start: channel(`holdfast:${what}:start`), end: channel(`holdfast:${what}:end`), clock };
}

function hasSubscribers({ start, end }: RunChannels): boolean {
  return start.hasSubscribers || end.hasSubscribers;
}
