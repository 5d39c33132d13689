/**
 * Hop of request: what a server of HTTP has done for a request, as a hop.
 *
 * @module
 */

import { type ContextKey, contextKey } from '@holdfast/core';
import type { RequestEnding } from '@holdfast/http';

import { type Hop, machineMs } from '../contract/hop.ts';
import { originOf } from '../contract/order-context.ts';

/** The reference of the order that a request is about, where its handler has noted it. */
export const orderRef: ContextKey<string> = contextKey<string>('order reference');

/** Makes a hop of a request that is over. */
export function hopOfRequest(layer: string, ending: RequestEnding): Hop {
  const { context, durationMs, leftAtStartMs, outcome, status } = ending;
  return {
    ...originOf(context),
    layer,
    orderRef: context.value(orderRef) ?? '',
    leftMs: leftAtStartMs,
    endedAt: machineMs(),
    tookMs: durationMs,
    outcome: outcome === 'answered' ? String(status) : outcome,
  };
}
