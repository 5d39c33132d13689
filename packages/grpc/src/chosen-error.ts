/**
 * Chosen error: what a service of yours says that an error of a handler is answered with.
 *
 *   error ── errors, yours ──► one of grpcError ──► its status
 *              └── undefined, or no answer ──► the status that the error has without it
 *
 * Invariants
 *  (1) What it throws, and what is no answer, is reported and says nothing.
 *
 * @module
 */

import { ignoreRejection, reportHookError } from '@holdfast/core';

import { type GrpcStatusError, isGrpcStatusError } from './grpc-error.ts';

/** Returns what a call of the method at `path` ends with whose handler threw `error`; undefined where it has nothing to say of it. */
export type GrpcErrorsOf = (error: unknown, path: string) => GrpcStatusError | undefined;

/** Returns what `errors` says of `error`, or `error` itself. Never throws. */
export function chosenErrorOf(errors: GrpcErrorsOf | undefined, error: unknown, path: string): unknown {
  if (errors === undefined) return error;
  let answer: unknown = undefined;
  try {
    answer = errors(error, path);
    if (answer === undefined) return error;
    if (isGrpcStatusError(answer)) return answer;
    throw new TypeError(`errors must return what grpcError() has made, or undefined, got ${typeof answer}`);
  } catch (failure) {
    ignoreRejection(answer);
    reportHookError('errors', failure, path); // (1)
    return error;
  }
}
