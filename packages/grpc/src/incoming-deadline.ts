/**
 * Incoming deadline: how long a call may take by what its client says, read from what grpc-js has made of the header.
 *
 * Invariants
 *  (1) A time that overflows in grpc-js does not end the call: such a client has said "very long", not "over".
 *
 * @module
 */

import type { ServerInterceptingCallInterface } from '@grpc/grpc-js';

/** Milliseconds that the client gives; Infinity for no limit, 0 or less for a time that has passed. */
export function incomingLeftMs(call: Pick<ServerInterceptingCallInterface, 'getDeadline'>, wallNow: number): number {
  const leftMs = Number(call.getDeadline()) - wallNow;
  if (Number.isNaN(leftMs)) return Infinity;
  return leftMs < OVERFLOWN_MS ? Infinity : leftMs; // (1)
}

/**
 * Stops the timer of grpc-js for a time of more than 24.8 days, which it takes for one in the past, and would end the call with at
 * once. Where grpc-js has no such timer, nothing happens.
 */
export function defuseOverflow(call: Pick<ServerInterceptingCallInterface, 'getDeadline'>, wallNow: number): void {
  if (!(Number(call.getDeadline()) - wallNow < OVERFLOWN_MS)) return;
  const seen = new Set<unknown>();
  let inner = call as Layer | undefined;
  while (typeof inner === 'object' && inner !== null && !seen.has(inner)) {
    seen.add(inner);
    if (inner.deadlineTimer !== undefined && typeof inner.deadline === 'number') {
      clearTimeout(inner.deadlineTimer); // (1)
      inner.deadline = Infinity;
    }
    inner = inner.nextCall;
  }
}

// --- internal ---

/** A header is read at once when it comes: what lies further back than this was never a time in the past. */
const OVERFLOWN_MS = -10_000;

/** What the calls of grpc-js are inside; each may lack any of it. */
interface Layer {
  readonly nextCall?: Layer;
  readonly deadlineTimer?: NodeJS.Timeout;
  deadline?: unknown;
}
