/**
 * Flow: what happens to the bytes of one direction of a connection, and to its end.
 *
 * @module
 */

/** How one direction of a connection flows. */
export type Flow =
  /** Everything goes on at once. */
  | { readonly kind: 'pass' }
  /** Everything goes on, in order, `ms` plus up to `jitterMs` later. */
  | { readonly kind: 'delay'; readonly ms: number; readonly jitterMs?: number }
  /**
   * Nothing goes on, not even the end of the connection: the other side sees neither bytes nor FIN. What has arrived is kept
   * and goes on once another flow holds, as after a short network partition.
   */
  | { readonly kind: 'stall' }
  /** As `stall`, but what arrives is lost. A connection that has lost something is reset when another flow comes to hold. */
  | { readonly kind: 'drop' }
  /** At most `bytesPerSecond` go on. */
  | { readonly kind: 'throttle'; readonly bytesPerSecond: number }
  /**
   * After `afterBytes` more bytes of this direction the connection is reset on both sides: 0 cuts at the first byte.
   * With `armedBy`, the count begins, on each connection, when the client has sent that text (case does not matter) while
   * this flow held; so `{ kind: 'cut', afterBytes: 0, armedBy: 'evalsha' }` loses the reply of a script that has run.
   */
  | { readonly kind: 'cut'; readonly afterBytes: number; readonly armedBy?: string };

/** How connections behave. A direction that is left out keeps what holds without this behaviour. */
export interface Behaviour {
  readonly toServer?: Flow;
  readonly toClient?: Flow;
}

/** Both directions work, as without a proxy. */
export const pass: Flow = { kind: 'pass' };

/** No byte goes either way and no end is seen: a partition, or a peer that has lost its power. */
export const halfOpen: Behaviour = { toServer: { kind: 'stall' }, toClient: { kind: 'stall' } };

/** Behaviour with `ms` plus up to `jitterMs` in each direction. */
export function latency(ms: number, jitterMs = 0): Behaviour {
  const delay: Flow = { kind: 'delay', ms, jitterMs };
  return { toServer: delay, toClient: delay };
}

/** How much of what waits a throttle lets go at a time, and after how long the next. At most 20 times a second. */
export function throttleStep(bytesPerSecond: number): { readonly bytes: number; readonly everyMs: number } {
  const bytes = Math.max(1, Math.floor(bytesPerSecond / 20));
  return { bytes, everyMs: (1000 * bytes) / bytesPerSecond };
}
