/**
 * Incoming source: the little that metrics need to know about what serves HTTP requests and gRPC calls, and what takes
 * messages from a queue.
 *
 * All are described by shape, read and never changed: those of `@holdfast/http`, `@holdfast/grpc` and `@holdfast/queue` fit. What
 * is not about now counts since it was made.
 *
 * @module
 */

/** What becomes of an HTTP request. */
export type HttpRequestOutcome = 'answered' | 'refused' | 'deadline' | 'client-gone' | 'server-closing' | 'failed';

/** HTTP requests at one instant. */
export interface HttpReading {
  readonly running: number;
  /** Over, by outcome. */
  readonly ended: Readonly<Record<HttpRequestOutcome, number>>;
}

/** What serves HTTP requests. */
export interface HttpSource {
  /** Called once per reading. */
  counts(): HttpReading;
}

/** gRPC calls at one instant. */
export interface GrpcReading {
  readonly open: number;
  /** Ended with a status that was sent from here. */
  readonly answered: number;
  /** Ended without. */
  readonly cancelled: number;
  /** Refused before their handler was called. */
  readonly refused: { readonly draining: number; readonly expired: number };
}

/** What serves gRPC calls. */
export interface GrpcSource {
  /** Called once per reading. */
  snapshot(): GrpcReading;
}

/** Messages at one instant. A number that a consumer does not have is 0. */
export interface ConsumerReading {
  readonly running: number;
  /** Handled with success; a worker of jobs calls that `completed`. */
  readonly handled?: number | undefined;
  readonly completed?: number | undefined;
  readonly failed: number;
  /** Refused by a policy, or put back because of one or of a drain. */
  readonly refused?: number | undefined;
  readonly putBack?: number | undefined;
  /** Not handled, since their deadline had passed. */
  readonly expired: number;
  /** Handlers that had not ended when they were waited for no more. */
  readonly abandoned: number;
}

/** What takes messages or jobs from a queue. */
export interface ConsumerSource {
  /** Called once per reading. */
  snapshot(): ConsumerReading;
}
