/**
 * Outgoing: what of a context goes with a call: the time left, and the metadata.
 *
 * Invariants
 *  (1) The server is told no more time than is left when it is told, and a time that its timers hold, or none.
 *  (2) The metadata that was handed in is not changed.
 *
 * @module
 */

import { type Deadline, Metadata } from '@grpc/grpc-js';
import { type ContextCodec, contextCodecDefaults, createContextCodec, type WallClock } from '@holdfast/context';
import { ConfigError, type Context, isFunction } from '@holdfast/core';

import { addKeptMetadata, type MetadataNames, metadataNamesOf } from './call-metadata.ts';

/** Options of what goes with a call. */
export interface OutgoingOptions {
  /**
   * Carries the trace, the criticality and declared values; made by `createContextCodec` with `timeLeft: []`, since gRPC has a
   * header of its own. By default one that carries the trace and the id of requests.
   */
  readonly codec?: ContextCodec;
  /**
   * Names of metadata of the context that go on with calls: what the server's `accept` has kept, and what `withGrpcMetadata` has
   * set. `all` does not name `authorization`, cookies and `grpc-...`: name them.
   * @defaultValue []
   */
  readonly send?: MetadataNames;
  /** The calendar by which grpc-js understands deadlines. */
  readonly wallClock?: WallClock;
}

/** Every default, in one place. */
export const outgoingDefaults: Required<Omit<OutgoingOptions, 'codec'>> = Object.freeze({
  send: Object.freeze([]),
  wallClock: contextCodecDefaults.wallClock,
});

/** Options that are complete. */
export type OutgoingSettings = typeof outgoingDefaults & Pick<OutgoingOptions, 'codec'>;

/** Writes contexts into calls. */
export class Outgoing {
  readonly #codec: ContextCodec;
  readonly #send: ReadonlySet<string> | 'all';
  readonly #wallClock: WallClock;

  constructor(place: string, { codec = createContextCodec({ timeLeft: [] }), send, wallClock }: OutgoingSettings) {
    requireCodec(`${place}.codec`, codec);
    isFunction(`${place}.wallClock`, wallClock);
    this.#codec = codec;
    this.#send = metadataNamesOf(`${place}.send`, send);
    this.#wallClock = wallClock;
  }

  /** Returns a copy of `metadata` with what of `context` goes on. */
  metadataOf(context: Context, metadata: Metadata | undefined): Metadata {
    const copy = metadata?.clone() ?? new Metadata(); // (2)
    addKeptMetadata(context, copy, this.#send);
    this.#codec.inject(context, copy);
    copy.remove('grpc-timeout'); // grpc-js writes it, at the moment when it sends
    return copy;
  }

  /**
   * Returns the instant of the calendar by which a call under `context` ends, the earlier of its own and `asked`. An `asked` that is
   * no instant, as an invalid date, counts for nothing.
   */
  deadlineOf(context: Context, asked: Deadline | undefined): number {
    const leftMs = context.remainingMs();
    const own = leftMs > MAX_TIMER_MS ? Infinity : this.#wallClock() + leftMs;
    const other = Number(asked);
    return this.#told(Number.isNaN(other) ? own : Math.min(own, other));
  }

  /** Whether there is no time left for a call that ends at `deadline`. */
  hasPassed(deadline: number): boolean {
    return deadline <= this.#wallClock();
  }

  // --- internal ---

  /** What grpc-js is told: it rounds up, to milliseconds, and longer times to seconds, and servers of it know 24.8 days. */
  #told(deadline: number): number {
    const leftMs = deadline - this.#wallClock();
    if (!(leftMs <= MAX_TIMER_MS)) return Infinity; // (1)
    return Math.floor(deadline) - (leftMs >= LAST_IN_MS ? 1000 : 0); // (1)
  }
}

/** Checks an option that is a codec. */
export function requireCodec(option: string, codec: unknown): asserts codec is ContextCodec {
  const { inject, extract } = (codec ?? {}) as Partial<Record<keyof ContextCodec, unknown>>;
  if (typeof inject !== 'function' || typeof extract !== 'function')
    throw new ConfigError(option, 'a codec made by createContextCodec', codec);
}

// --- internal ---

/** The longest time that the timers of the platform, and of grpc-js on the other side, hold. */
const MAX_TIMER_MS = 2_147_483_647;

/** From here on grpc-js writes seconds. */
const LAST_IN_MS = 99_999_000;
