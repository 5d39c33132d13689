/**
 * Inbound codec: what a request brings over a border becomes the context of this service.
 *
 * @module
 */

import type { CancellableContext, Context } from '@holdfast/core';

import type { Found } from './carrier.ts';
import type { CodecSettings } from './codec-options.ts';
import { type ContextField, DEFAULT_MAX_BYTES, valueOfField } from '../schema/context-field.ts';
import { tagOf } from '../schema/context-schema.ts';
import { criticality, criticalityOf, criticalityOfRank, isCriticality, lesserOf } from './criticality.ts';
import type { Drops } from './drops.ts';
import { leastOfList } from './least-of-list.ts';
import { isRequestId, requestId } from '../formats/request-id.ts';
import { parseUnixNano, type TimeLeftHeader, timeLeftFormats } from '../formats/time-left.ts';
import {
  checkTracestate,
  parseTraceparent,
  startTrace,
  type TraceContext,
  traceContext,
} from '../formats/trace-context.ts';
import { randomId } from '../formats/random-id.ts';
import { fitting, readBaggage, readCompact, theOnly, unpackTrace } from './value-forms.ts';

/** Makes contexts of what was found in carriers. */
export class InboundCodec {
  /** The names that are looked for. */
  readonly names: ReadonlySet<string>;
  readonly #settings: CodecSettings;
  readonly #drops: Drops;
  readonly #compactName: string;

  constructor(settings: CodecSettings, drops: Drops) {
    const { prefix, schema } = settings;
    this.#settings = settings;
    this.#drops = drops;
    this.#compactName = prefix.slice(0, -1);
    this.names = new Set([
      ...Object.keys(timeLeftFormats),
      'baggage',
      'traceparent',
      'tracestate',
      'x-request-id',
      this.#compactName,
      ...['deadline', 'criticality', ...Object.keys(schema.fields)].map((name) => prefix + name),
    ]);
  }

  /** Derives the context of a request from `parent`. */
  derive(parent: Context, found: Found): CancellableContext {
    const compact = readCompact(found, this.#compactName);
    let context = this.#withTrace(parent, found, compact);
    context = this.#withRequestId(context, found);
    context = this.#withCriticality(context, found, compact);
    context = this.#withValues(context, found, compact);
    const leftMs = this.#timeLeft(found);
    return leftMs === Infinity ? context.withCancel() : context.withTimeout(Math.min(leftMs, LONGEST_MS));
  }

  /** Milliseconds that the caller has left, by the least that any header says; Infinity where none says. */
  #timeLeft(found: Found): number {
    const { prefix, transit, clockSkewMs, wallClock } = this.#settings;
    let leftMs = Infinity;
    for (const name of Object.keys(timeLeftFormats) as TimeLeftHeader[])
      leftMs = Math.min(leftMs, leastOfList(found.get(name), timeLeftFormats[name].parse));
    if (leftMs !== Infinity && transit === 'direct') return leftMs; // clocks may differ: the time left is more exact
    const instant = leastOfList(found.get(`${prefix}deadline`), parseUnixNano);
    return instant === Infinity ? leftMs : Math.min(leftMs, instant - wallClock() - clockSkewMs);
  }

  #withTrace(context: Context, found: Found, compact: ReadonlyMap<string, string>): Context {
    const { trace: mode, random } = this.#settings;
    if (mode === 'ignore') return context;
    const texts = found.get('traceparent');
    const received = parseTraceparent(theOnly(texts) ?? '') ?? unpackTrace(compact.get('t'));
    if (received === undefined && texts !== undefined) this.#drops.add('malformed');
    const trace = received ?? (mode === 'start' ? startTrace(random, context.value(traceContext)) : undefined);
    return trace === undefined ? context : context.withValue(traceContext, withState(trace, received, found));
  }

  #withRequestId(context: Context, found: Found): Context {
    const { requestId: mode, random } = this.#settings;
    if (mode === 'ignore') return context;
    const text = theOnly(found.get('x-request-id'));
    if (isRequestId(text)) return context.withValue(requestId, text);
    if (found.has('x-request-id')) this.#drops.add('malformed');
    return mode === 'start' ? context.withValue(requestId, randomId(random)) : context;
  }

  #withCriticality(context: Context, found: Found, compact: ReadonlyMap<string, string>): Context {
    const { criticality: mode, prefix } = this.#settings;
    const texts = found.get(`${prefix}criticality`);
    const told = theOnly(texts) ?? criticalityOfRank(compact.get('c'));
    if (told === undefined || mode === 'ignored') return context;
    if (!isCriticality(told)) return this.#drops.add('malformed') ?? context;
    return context.withValue(criticality, mode === 'trusted' ? told : lesserOf(told, criticalityOf(context)));
  }

  #withValues(context: Context, found: Found, compact: ReadonlyMap<string, string>): Context {
    const { schema, accept, maxBytes, prefix } = this.#settings;
    const baggage = readBaggage(found);
    const told: [name: string, text: string][] = [];
    for (const [name, field] of Object.entries(schema.fields)) {
      const own = found.get(prefix + name);
      const text = theOnly(own) ?? compact.get(tagOf(name, field)) ?? compact.get(name) ?? baggage.get(name);
      if (text === undefined) this.#drops.add('malformed', own === undefined ? 0 : 1);
      else if (accept.includes(name)) told.push([name, text]);
      else this.#drops.add('not-accepted');
    }
    const small = told.filter(([name, text]) => text.length <= maxBytesOf(schema.fields[name]));
    const taken = fitting(small, maxBytes);
    this.#drops.add('too-large', told.length - taken.length);
    return taken.reduce((derived, [name, text]) => this.#withValue(derived, name, text), context);
  }

  #withValue(context: Context, name: string, text: string): Context {
    const { fields, keys } = this.#settings.schema;
    const value = valueOfField(fields[name] as ContextField, text);
    const key = keys[name];
    if (value === undefined || key === undefined) return this.#drops.add('malformed') ?? context;
    return context.withValue(key, value);
  }
}

// --- internal ---

/** Longer than any request is, and no longer than a context takes: three years. */
const LONGEST_MS = 1e11;

function maxBytesOf(field: ContextField | undefined): number {
  return field?.maxBytes ?? DEFAULT_MAX_BYTES;
}

/** The state belongs to the trace that it came with. */
function withState(trace: TraceContext, received: TraceContext | undefined, found: Found): TraceContext {
  const state = received === undefined ? undefined : checkTracestate(found.get('tracestate')?.join(','));
  return state === undefined ? trace : { ...trace, state };
}
