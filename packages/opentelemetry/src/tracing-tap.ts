/**
 * Tracing tap: which layer of spans stands in which gap between policies.
 *
 *   what                                   its span
 *   a pipeline of the registry             call <pipeline>
 *   a keyed policy of the registry         call <keyed>, whatever its members are
 *   a pipeline that is part of one         call <pipeline>, within
 *   a pipeline that is a member            call <keyed>, within; none in a keyed policy of the registry, which has that already
 *   a retry, a hedge, anywhere             one per attempt
 *
 * Invariants
 *  (1) Layers are made per place and keep nothing of a policy that would outlive it.
 *
 * @module
 */

import {
  type Layer,
  type NamedPolicy,
  type PipelineTap,
  type Policy,
  type TapPlace,
  reportHookError,
} from '@holdfast/core';
import { type Attributes, propagation } from '@opentelemetry/api';

import { type PassageKeys, type WatchedPolicy, watchedPolicy } from './passage.ts';
import { calledAt, keyAt } from './shown-names.ts';
import {
  type SpanLabel,
  type TracingSettings,
  activationLayer,
  arrivalLayer,
  attemptLayer,
  callLayer,
  departureLayer,
  memberLayer,
  partLayer,
  returnLayer,
} from './span-layers.ts';

/** What the attribute of a key says; undefined for nothing. */
export type KeyAttribute = (key: string, keyed: string) => string | undefined;

/** The layers of all that one registry traces. */
export class TracingTap implements PipelineTap {
  readonly #settings: TracingSettings;
  readonly #keyAttribute: KeyAttribute | undefined;
  readonly #keys: PassageKeys = new WeakMap(); // (1)

  constructor(settings: TracingSettings, keyAttribute: KeyAttribute | undefined) {
    this.#settings = settings;
    this.#keyAttribute = keyAttribute;
  }

  /** Without an SDK there is nothing to do, but for baggage that is to be taken over. */
  isAwake(): boolean {
    const { source, baggage } = this.#settings;
    return source.isThere() || (baggage.size > 0 && propagation.getActiveBaggage() !== undefined);
  }

  layerBetween(
    outer: Policy<unknown> | undefined,
    inner: Policy<unknown> | undefined,
    place: TapPlace,
  ): Layer | undefined {
    return stack([
      ...(outer === undefined ? this.#beginning(inner, place) : this.#leaving(outer, place)),
      ...this.#entering(inner, place),
      ...(inner === undefined && isOutermost(place) ? [activationLayer(this.#settings)] : []),
    ]);
  }

  // --- internal ---

  #beginning(inner: Policy<unknown> | undefined, place: TapPlace): readonly Layer[] {
    const settings = this.#settings;
    const called = calledAt(place);
    if (called === undefined) return this.#ofMember(inner, place);
    const label = this.#label('call', called, place);
    return [isOutermost(place) ? callLayer(label, settings) : partLayer(label, settings)];
  }

  /** Of a member: of the span that is there its key is said, if the tap is attached to the keyed policy, and hidden otherwise. */
  #ofMember(member: Policy<unknown> | undefined, place: TapPlace): readonly Layer[] {
    if (place.key === undefined) return [];
    const hidden = this.#settings.names.hiddenIn(member, place);
    const attributes = place.outside === undefined ? this.#keyAttributes(place) : {};
    const isSilent = hidden.size === 0 && Object.keys(attributes).length === 0;
    return isSilent ? [] : [memberLayer(hidden, attributes, this.#settings)];
  }

  #leaving(outer: Policy<unknown>, place: TapPlace): readonly Layer[] {
    const watched = this.#watched(outer, place);
    if (watched?.hasAttempts === true) {
      const label = this.#label(watched.kind, outer as NamedPolicy<unknown>, place);
      return [attemptLayer(watched, label, this.#settings)];
    }
    const returning = returnLayer(this.#settings);
    return watched === undefined ? [returning] : [returning, departureLayer(watched, this.#settings)];
  }

  #entering(inner: Policy<unknown> | undefined, place: TapPlace): readonly Layer[] {
    const watched = this.#watched(inner, place);
    return watched === undefined ? [] : [arrivalLayer(watched, this.#settings)];
  }

  #watched(policy: Policy<unknown> | undefined, place: TapPlace): WatchedPolicy | undefined {
    const named = policy as Partial<NamedPolicy<unknown>> | undefined;
    if (named?.kind === undefined || named.name === undefined) return undefined;
    const name = this.#settings.names.at(named.name, place);
    return watchedPolicy(named as NamedPolicy<unknown>, name, this.#keys);
  }

  #label(verb: string, { kind, name }: NamedPolicy<unknown>, place: TapPlace): SpanLabel {
    const shown = this.#settings.names.at(name, place);
    const attributes = { 'holdfast.policy': kind, 'holdfast.name': shown, ...this.#keyAttributes(place) };
    return { name: `${verb} ${shown}`, attributes };
  }

  #keyAttributes(place: TapPlace): Attributes {
    const at = this.#keyAttribute === undefined ? undefined : keyAt(place);
    if (at === undefined) return {};
    try {
      const shown: unknown = this.#keyAttribute?.(at.key, at.keyed);
      return typeof shown === 'string' ? { 'holdfast.key': shown } : {};
    } catch (error) {
      reportHookError('keyAttribute', error, at.keyed);
      return {};
    }
  }
}

// --- internal ---

/** Whether a place is around, or inside of, all that the tap is attached to. */
function isOutermost({ key, outside }: TapPlace): boolean {
  return key === undefined && outside === undefined;
}

/** The first is the outermost. */
function stack(layers: readonly Layer[]): Layer | undefined {
  if (layers.length === 0) return undefined;
  return (inner) => layers.reduceRight((handler, layer) => layer(handler), inner);
}
