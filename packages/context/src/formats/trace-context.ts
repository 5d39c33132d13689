/**
 * Trace context: the identity of a request across services, as W3C's `traceparent` and `tracestate` carry it.
 *
 * Invariants
 *  (1) What is not of the format, and the ids of zeros, which the format forbids, are undefined. Nothing throws.
 *  (2) What was read is written again with the same ids.
 *
 * Source: Trace Context Level 2, W3C Candidate Recommendation, https://www.w3.org/TR/trace-context-2/.
 * Deviation: a `tracestate` is passed on or left out as a whole, not edited.
 *
 * @module
 */

import { type ContextKey, contextKey, type Random } from '@holdfast/core';

import { randomHex } from './random-id.ts';

/** The identity of a request, and of what called last. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** The caller's span: 16 lower-case hexadecimal digits, not all 0. */
  readonly spanId: string;
  /** Whether the caller records the trace. */
  readonly isSampled: boolean;
  /** What tracing systems keep with it; at most 512 characters. */
  readonly state?: string | undefined;
}

/** Where a context holds its trace. */
export const traceContext: ContextKey<TraceContext> = contextKey<TraceContext>('trace');

/** Reads a `traceparent`. Later versions of the format are read by what they have in common with this one. */
export function parseTraceparent(text: string): TraceContext | undefined {
  const [, version, traceId, spanId, flags = '', rest] = TRACEPARENT.exec(typeof text === 'string' ? text : '') ?? [];
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined; // (1)
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/** Writes a `traceparent`; undefined for ids that are not of the format. */
export function formatTraceparent({ traceId, spanId, isSampled }: TraceContext): string | undefined {
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined;
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`; // (2)
}

/** Returns `text` if it may pass as a `tracestate`: up to 32 members, up to 512 printable characters. */
export function checkTracestate(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > MAX_STATE_LENGTH || !/^[\x20-\x7E]+$/.test(text)) return undefined;
  const members = text.split(',').map((member) => member.trim());
  const isValid = members.every((member) => member === '' || /^[a-z\d][\w\-*/@]{0,255}=[^=]{1,256}$/.test(member));
  return isValid && members.length <= MAX_STATE_MEMBERS ? text : undefined;
}

/**
 * Starts a trace: random ids, recorded or not. With `parent` it is a span of that trace: the same trace, another span. Where
 * `random` throws, or gives no number from 0 to 1, that is reported, and the platform's numbers are taken.
 */
export function startTrace(
  random: Random,
  parent?: TraceContext,
  isSampled: boolean = parent?.isSampled ?? false,
): TraceContext {
  const spanId = randomHex(random, 16);
  if (parent !== undefined) return { ...parent, spanId, isSampled };
  return { traceId: randomHex(random, 32), spanId, isSampled };
}

/** Whether `id` is one of a trace. */
export function isTraceId(id: unknown): id is string {
  return typeof id === 'string' && /^(?!0+$)[\da-f]{32}$/.test(id);
}

/** Whether `id` is one of a span. */
export function isSpanId(id: unknown): id is string {
  return typeof id === 'string' && /^(?!0+$)[\da-f]{16}$/.test(id);
}

// --- internal ---

const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-[\x21-\x7E]{0,200})?$/;
const SAMPLED = 1;
const MAX_STATE_LENGTH = 512;
const MAX_STATE_MEMBERS = 32;
