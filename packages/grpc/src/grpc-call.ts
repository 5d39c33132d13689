/**
 * gRPC call: which method is called, and what one call of it may have of its own.
 *
 * @module
 */

import type { CallOptions, Metadata } from '@grpc/grpc-js';

/** A method, as a policy is chosen for it. */
export interface GrpcMethod {
  /** As the client has it: `getOrder`. */
  readonly name: string;
  /** On the wire: `/shop.Shop/GetOrder`. */
  readonly path: string;
  readonly kind: 'unary' | 'client-stream' | 'server-stream' | 'bidi';
}

/** What one call may have of its own. */
export interface GrpcCallOptions {
  /** Sent with every attempt. It is not changed. */
  readonly metadata?: Metadata;
  /** Options of grpc-js: credentials, host. Of `deadline` and the context's the earlier counts; `parent` is refused: use the context. */
  readonly options?: Omit<CallOptions, 'parent' | 'propagate_flags'>;
  /** Told of the headers of an attempt's answer. Errors are reported. */
  readonly onMetadata?: (metadata: Metadata) => unknown;
  /** Told of the trailers of an attempt's answer, whatever its status. Errors are reported. */
  readonly onTrailers?: (trailers: Metadata) => unknown;
}

/** The messages that a caller streams. */
export type GrpcSource<Request> = Iterable<Request> | AsyncIterable<Request>;
