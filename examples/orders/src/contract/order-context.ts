/**
 * Order context: what travels with a request through all services, besides its deadline and its trace: who asks, and from where.
 *
 *   client ── edge: believes nobody ──► gateway ── HTTP ──► orders ── gRPC ──► inventory
 *                                                              └───── message ──► audit
 *
 * Parameters of a call do not belong here: what is ordered is in the body, who orders is in the context.
 *
 * @module
 */

import { type ContextCodec, createContextCodec, defineContextSchema, traceContext } from '@holdfast/context';
import type { Context } from '@holdfast/core';
import { createHttpCodec } from '@holdfast/http';
import { type QueueCodec, createQueueCodec } from '@holdfast/queue';

const schema = defineContextSchema({
  version: '1.0',
  fields: {
    'user-id': { type: 'text', maxBytes: 64, description: 'Who asks; the gateway has made sure of it.' },
    region: { type: 'choice', choices: ['eu', 'us'], description: 'Where the user is.' },
  },
});

export const { 'user-id': userId, region } = schema.keys;

/** For the gateway: of what comes from outside only the deadline, the trace and the id are believed. */
export const edgeCodec: ContextCodec = createHttpCodec({ schema, trace: 'start' });

/** For HTTP between services of ours. */
export const httpCodec: ContextCodec = createHttpCodec({ schema, accept: 'all', send: 'all' });

/** For gRPC between services of ours: the deadline is gRPC's own business. */
export const grpcCodec: ContextCodec = createContextCodec({ schema, accept: 'all', send: 'all', timeLeft: [] });

/** For messages between services of ours. */
export const messageCodec: QueueCodec = createQueueCodec({ schema, accept: 'all', send: 'all' });

/** Who is behind a request, in the form in which it is written down: empty where nothing is known. */
export interface Origin {
  readonly traceId: string;
  readonly user: string;
  readonly region: string;
}

/** Reads from a context who is behind it. */
export function originOf(context: Context): Origin {
  return {
    traceId: context.value(traceContext)?.traceId ?? '',
    user: context.value(userId) ?? '',
    region: context.value(region) ?? '',
  };
}
