/**
 * Outbound codec: what of a context leaves this service, as headers.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { type Found, readCarrier } from './carrier.ts';
import type { CodecSettings } from './codec-options.ts';
import { type ContextField, DEFAULT_MAX_BYTES, textOfField } from '../schema/context-field.ts';
import { tagOf } from '../schema/context-schema.ts';
import { criticality, isCriticality, rankOf } from './criticality.ts';
import type { Drops } from './drops.ts';
import { leastOfList } from './least-of-list.ts';
import { isRequestId, requestId } from '../formats/request-id.ts';
import { formatUnixNano, type TimeLeftHeader, timeLeftFormats } from '../formats/time-left.ts';
import { checkTracestate, formatTraceparent, traceContext } from '../formats/trace-context.ts';
import { fitting, type Member, packTrace, writeBaggage, writeCompact } from './value-forms.ts';

/** Makes headers of contexts. */
export class OutboundCodec {
  readonly #settings: CodecSettings;
  readonly #drops: Drops;
  readonly #declared: ReadonlySet<string>;

  constructor(settings: CodecSettings, drops: Drops) {
    this.#settings = settings;
    this.#drops = drops;
    this.#declared = new Set(Object.keys(settings.schema.fields));
  }

  /** Returns the headers to be written into `carrier`. */
  headersOf(context: Context, carrier: object): readonly Member[] {
    const headers: Member[] = [];
    this.#addTimeLeft(headers, context, carrier);
    const id = this.#settings.requestId === 'ignore' ? undefined : context.value(requestId);
    if (isRequestId(id)) headers.push(['x-request-id', id]);
    this.#addTrace(headers, context);
    this.#addValues(headers, context, carrier);
    return headers;
  }

  /** Whether a name in a carrier, in lower case, is one that only this codec writes. */
  isOwn(name: string): boolean {
    const { prefix } = this.#settings;
    return name.startsWith(prefix) || name === prefix.slice(0, -1);
  }

  /** Bytes of the names and values that would leave. */
  sizeOf(context: Context): number {
    return this.#members(context).reduce((bytes, [name, text]) => bytes + name.length + text.length, 0);
  }

  #addTimeLeft(headers: Member[], context: Context, carrier: object): void {
    const { timeLeft, transit, prefix, wallClock } = this.#settings;
    const leftMs = context.cancelled ? 0 : context.remainingMs();
    if (leftMs === Infinity) return;
    const before = readCarrier(carrier, timeLeftNames);
    for (const name of timeLeftNames) {
      const { parse, format } = timeLeftFormats[name];
      const saidMs = leastOfList(before.get(name), parse);
      if (timeLeft.includes(name) || before.has(name))
        headers.push([name, format(Math.max(0, Math.min(leftMs, saidMs)))]);
    }
    if (transit === 'queued') headers.push([`${prefix}deadline`, formatUnixNano(wallClock() + leftMs)]);
  }

  #addTrace(headers: Member[], context: Context): void {
    const trace = this.#settings.trace === 'ignore' ? undefined : context.value(traceContext);
    if (trace === undefined) return;
    const parent = formatTraceparent(trace);
    if (parent === undefined) return this.#drops.add('malformed');
    if (this.#settings.form !== 'compact') headers.push(['traceparent', parent]);
    const state = checkTracestate(trace.state);
    if (state !== undefined) headers.push(['tracestate', state]);
  }

  #addValues(headers: Member[], context: Context, carrier: object): void {
    const { form, prefix } = this.#settings;
    const level = context.value(criticality);
    if (form === 'compact') return this.#addCompact(headers, context);
    if (isCriticality(level)) headers.push([`${prefix}criticality`, level]);
    const members = this.#members(context);
    if (form === 'headers') {
      for (const [name, text] of members) headers.push([prefix + name, text]);
      return;
    }
    const before: Found = readCarrier(carrier, new Set(['baggage']));
    const baggage = writeBaggage(before, this.#declared, members);
    if (baggage !== '' || before.size > 0) headers.push(['baggage', baggage]);
  }

  #addCompact(headers: Member[], context: Context): void {
    const { prefix, schema, trace: mode } = this.#settings;
    const trace = mode === 'ignore' ? undefined : context.value(traceContext);
    const packed = trace === undefined ? undefined : packTrace(trace);
    const level = context.value(criticality);
    const members: Member[] = [];
    if (packed !== undefined) members.push(['t', packed]);
    if (isCriticality(level)) members.push(['c', String(rankOf(level))]);
    for (const [name, text] of this.#members(context))
      members.push([tagOf(name, schema.fields[name] as ContextField), text]);
    if (members.length > 0) headers.push([prefix.slice(0, -1), writeCompact(members)]);
  }

  /** The values that may leave, as they travel. */
  #members(context: Context): readonly Member[] {
    const { schema, send, maxBytes } = this.#settings;
    const members: Member[] = [];
    for (const name of send) {
      const field = schema.fields[name] as ContextField;
      const value = context.value(schema.keys[name] as NonNullable<(typeof schema.keys)[string]>);
      if (value === undefined) continue;
      const text = textOfField(field, value);
      if (text === undefined) this.#drops.add('malformed');
      else if (text.length > (field.maxBytes ?? DEFAULT_MAX_BYTES)) this.#drops.add('too-large');
      else members.push([name, text]);
    }
    const taken = fitting(members, maxBytes);
    this.#drops.add('too-large', members.length - taken.length);
    return taken;
  }
}

// --- internal ---

const timeLeftNames: ReadonlySet<TimeLeftHeader> = new Set(Object.keys(timeLeftFormats) as TimeLeftHeader[]);
