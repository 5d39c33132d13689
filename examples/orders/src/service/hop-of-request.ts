/**
 * Hop of request: what a server of HTTP has done for a request, as a hop.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from '@holdfast/core';
import type { RequestEnding } from '@holdfast/http';

import { type Hop, machineMs } from '../contract/hop.ts';
import { originOf } from '../contract/order-context.ts';

/** The reference of the order that a request is about, where its handler has noted it. */
export const orderRef: ContextKey<string> = contextKey<string>('order reference');

/** For `enrich` of request contexts: notes how much time there is at the beginning. */
export function noteTimeLeft(context: Context): Context {
  return context.withValue(leftAtStart, context.remainingMs());
}

/** Makes a hop of a request that is over. */
export function hopOfRequest(layer: string, { context, durationMs, outcome, status }: RequestEnding): Hop {
  return {
    ...originOf(context),
    layer,
    orderRef: context.value(orderRef) ?? '',
    leftMs: context.value(leftAtStart) ?? 0, // of one that was refused there was nothing left
    endedAt: machineMs(),
    tookMs: durationMs,
    outcome: outcome === 'answered' ? String(status) : outcome,
  };
}

// --- internal ---

const leftAtStart = contextKey<number>('time left at the start');
