/**
 * gRPC error: what a client is told of a status, and how policies judge it.
 *
 * @module
 */

import { Metadata } from '@grpc/grpc-js';
import {
  type Classify,
  classifyByError,
  DeadlineExceededError,
  isCancelled,
  isRejection,
  isResilienceError,
  nameErrorClass,
  ResilienceError,
} from '@holdfast/core';

import { readPushbackMs, writePushbackMs } from './pushback.ts';
import { type GrpcStatusName, type GrpcStatusRow, statusNumberOf, statusRowOf } from './status-table.ts';

/** A call ended with a status that is not OK; or, made by `grpcError`, it is to end so. */
export class GrpcStatusError extends ResilienceError {
  readonly code = 'GRPC_STATUS';
  readonly status: GrpcStatusName;
  /** What the server says beside the status. */
  readonly details: string;
  /** The trailers. */
  readonly metadata: Metadata;
  /** Whether it came from a server; false for one that a handler of ours ends with. */
  readonly isReceived: boolean;

  constructor(status: GrpcStatusName, parts: GrpcStatusParts = {}) {
    const { details = '', metadata = new Metadata(), cause, path, isReceived = false } = parts;
    super(`${path === undefined ? '' : `${path} `}${status}: ${details}`, {
      cause,
      retryAfterMs: parts.retryAfterMs ?? readPushbackMs(metadata),
    });
    this.status = status;
    this.details = details;
    this.metadata = metadata;
    this.isReceived = isReceived;
  }
}

/** What a {@link GrpcStatusError} is made of. */
export interface GrpcStatusParts {
  readonly details?: string;
  readonly metadata?: Metadata;
  readonly cause?: unknown;
  /** Path of the method: `/shop.Shop/GetOrder`. */
  readonly path?: string;
  readonly retryAfterMs?: number;
  readonly isReceived?: boolean;
}

/**
 * Makes the error that a handler throws to end a call with a status of its choice. `details` is told to the caller, who gets
 * `retryAfterMs` as a pushback: milliseconds, 0 to Infinity, which says never.
 *
 * @throws TypeError for a status that is none, or OK.
 * @throws RangeError for a `retryAfterMs` that is negative or no number.
 *
 * @example
 * ```ts
 * throw grpcError('NOT_FOUND', 'there is no such order');
 * ```
 */
export function grpcError(
  status: Exclude<GrpcStatusName, 'OK'>,
  details: string,
  options: Pick<GrpcStatusParts, 'metadata' | 'cause' | 'retryAfterMs'> = {},
): GrpcStatusError {
  const { retryAfterMs } = options;
  if (retryAfterMs !== undefined && !(retryAfterMs >= 0))
    throw new RangeError(`grpcError.retryAfterMs must be 0 or more, got ${retryAfterMs}`);
  if (statusNumberOf(status) < 1) throw new TypeError(`grpcError needs a status of gRPC that is not OK, got ${status}`);
  const metadata = options.metadata?.clone() ?? new Metadata();
  if (retryAfterMs !== undefined) writePushbackMs(metadata, retryAfterMs);
  return new GrpcStatusError(status, { ...options, metadata, details });
}

/** Whether `error` is a {@link GrpcStatusError}, of this copy of the library or another. Never throws. */
export function isGrpcStatusError(error: unknown): error is GrpcStatusError {
  return error instanceof Error && (error as { readonly code?: unknown }).code === 'GRPC_STATUS';
}

/** The status that `error` tells: of ours, or of grpc-js; of an error that was made of one, its. Undefined where there is none. */
export function grpcStatusOf(error: unknown): GrpcStatusName | undefined {
  return rowOf(error)?.name;
}

/** What outcomes of gRPC calls say about the dependency, by the table of statuses. For `classify` of breakers and the like. */
export const classifyGrpc: Classify = (outcome, context) => {
  if (outcome.status === 'fulfilled' || isRejection(outcome.error) || isCancelled(outcome.error) || context.cancelled)
    return classifyByError(outcome, context);
  return rowOf(outcome.error)?.verdict ?? classifyByError(outcome, context);
};

/**
 * Whether another try may succeed, by the table of statuses, and after a `timeout` policy inside the retry has given a try up. For
 * `isRetryable` of `retry`. Any other error without a status may not.
 */
export function isRetryableGrpc(error: unknown): boolean {
  if (isResilienceError(error) && error.code === 'TIMEOUT') return true;
  const found = rowOf(error);
  if (found === undefined) return false;
  const { retryAfterMs } = error as Partial<GrpcStatusError>;
  if (retryAfterMs === Infinity) return false;
  return found.isRetryable === 'if-asked' ? retryAfterMs !== undefined : found.isRetryable;
}

/** Whether `value` is metadata, of this copy of grpc-js or another. Never throws for what is not hostile. */
export function isMetadata(value: unknown): value is Metadata {
  const { getMap, clone, get } = (value ?? {}) as Partial<Metadata>;
  return typeof getMap === 'function' && typeof clone === 'function' && typeof get === 'function';
}

/** Makes the error that the caller gets of one of grpc-js. */
export function errorOfStatus(received: unknown, path: string): ResilienceError {
  const { code, details, metadata } = received as { code?: unknown; details?: unknown; metadata?: unknown };
  const { name } = statusRowOf(code);
  const error = new GrpcStatusError(name, {
    path,
    details: typeof details === 'string' ? details : '',
    ...(isMetadata(metadata) && { metadata }),
    cause: received,
    isReceived: true,
  });
  if (name !== 'DEADLINE_EXCEEDED') return error;
  return new DeadlineExceededError(error.message, { cause: error });
}

// --- internal ---

nameErrorClass(GrpcStatusError, 'GrpcStatusError');

const MAX_DEPTH = 4;

function rowOf(error: unknown): GrpcStatusRow | undefined {
  let inner = error;
  for (let depth = 0; depth < MAX_DEPTH && inner instanceof Error; depth++) {
    if (isGrpcStatusError(inner)) return statusRowOf(statusNumberOf(inner.status));
    const { code, details } = inner as { code?: unknown; details?: unknown };
    if (typeof code === 'number' && typeof details === 'string') return statusRowOf(code);
    inner = inner.cause;
  }
  return undefined;
}
