/**
 * Diagnostics: what policies do, on channels of `node:diagnostics_channel`, for any listener that is not ours: an APM agent, a
 * log, a test. This part needs nothing of OpenTelemetry.
 *
 *   holdfast:call:start, holdfast:call:end         a call of a pipeline
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
  ConfigError,
  type EventListener,
  type Events,
  type Layer,
  type NamedPolicy,
  type Pipeline,
  type PipelineTap,
  type Policy,
  type PolicyEvent,
  type Registry,
  createEvents,
  withKnown,
} from '@holdfast/core';

import { PublishedRun, type RunChannels } from './published-run.ts';

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
  const taps = new Map<NamedPolicy<unknown>, () => void>();
  const stop = registry.watch({
    added: (policy) => {
      const { kind, tapWith } = policy as Partial<Pipeline<unknown>>;
      if (kind !== 'pipeline' || typeof tapWith !== 'function') return;
      taps.set(policy, (policy as Pipeline<unknown>).tapWith(publishingTap(registry)));
    },
    removed: (policy) => {
      taps.get(policy)?.();
      taps.delete(policy);
    },
  });
  return {
    close() {
      stop();
      for (const remove of taps.values()) remove();
      taps.clear();
    },
  };
}

// --- internal ---

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

/** The layers of one pipeline, and of those that are part of it. */
function publishingTap({ clock }: Registry): PipelineTap {
  const calls: RunChannels = { start: channel('holdfast:call:start'), end: channel('holdfast:call:end'), clock };
  const attempts: RunChannels = {
    start: channel('holdfast:attempt:start'),
    end: channel('holdfast:attempt:end'),
    clock,
  };
  return {
    layerBetween: (outer, _inner, { name }) => {
      if (outer === undefined) return publishing(calls, 'pipeline', name);
      const { kind, name: ownName } = outer as Policy<unknown> & Partial<NamedPolicy<unknown>>;
      return kind === 'retry' || kind === 'hedge' ? publishing(attempts, kind, ownName ?? kind) : undefined;
    },
  };
}

/** Publishes the start and the end of what is inside. */
function publishing(channels: RunChannels, policy: string, name: string): Layer {
  const { start, end } = channels;
  return (inner) => (operation, context, sink, now) => {
    if (!start.hasSubscribers && !end.hasSubscribers) {
      inner(operation, context, sink, now); // (1)
      return;
    }
    const run = new PublishedRun(channels, { policy, name, context }, sink);
    inner(operation, context, run, now);
  };
}
