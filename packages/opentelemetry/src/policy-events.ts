/**
 * Policy events: what policies tell, as events of the span of the call that it is about.
 *
 * Invariants
 *  (1) Nobody listens before the first span was made: without an SDK, policies build no event.
 *  (2) Errors, values and keys are not in attributes: an error is its type.
 *  (3) Refusals are told by the error that a span ends with, not again; under `observe`, where nothing ends, they are.
 *  (4) An event is noted once, also where registries that are both traced share their events.
 *
 * @module
 */

import type { Events, PolicyEvent } from '@holdfast/core';
import type { Attributes } from '@opentelemetry/api';

import { errorTypeOf } from './error-type.ts';
import { spanOfNow } from './running-in.ts';
import type { OpenSpan } from './open-span.ts';

/** Notes what is told from now on, once for all who ask for the same events. Returns what ends that for who asked. */
export function noteEvents(events: Events): () => void {
  const noted = listening.get(events) ?? { count: 0, stop: events.listen(noteEvent) };
  listening.set(events, noted);
  noted.count++; // (4)
  return () => {
    if (--noted.count > 0) return;
    listening.delete(events);
    noted.stop();
  };
}

// --- internal ---

/** Adds an event to the span of the call that it is about, if there is one. */
function noteEvent(event: PolicyEvent): void {
  const open = spanOfNow();
  if (open === undefined || !open.isRecording || !isTold(event)) return;
  open.addEvent(`holdfast.${event.type}`, attributesOf(event, open));
}

interface Listening {
  count: number;
  readonly stop: () => void;
}

const listening = new WeakMap<Events, Listening>();

function isTold(event: PolicyEvent): boolean {
  const isRefusal = event.type.endsWith('.rejected') || event.type === 'timeout.expired';
  return !isRefusal || (event as { readonly enforcement?: unknown }).enforcement === 'observe'; // (3)
}

function attributesOf(event: PolicyEvent, { names, hidden }: OpenSpan): Attributes {
  const attributes: Attributes = {};
  for (const [field, value] of Object.entries(event)) {
    if (withheld.has(field)) continue; // (2)
    if (field === 'error') {
      if (value !== undefined) attributes['error.type'] = errorTypeOf(value);
    } else if (field === 'name' && typeof value === 'string') {
      attributes['holdfast.name'] = names.of(value, hidden);
    } else if (typeof value === 'string' || typeof value === 'boolean' || isFiniteNumber(value))
      attributes[`holdfast.${snakeCase(field)}`] = value;
  }
  return attributes;
}

const withheld: ReadonlySet<string> = new Set(['type', 'key', 'value']);

function isFiniteNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function snakeCase(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
