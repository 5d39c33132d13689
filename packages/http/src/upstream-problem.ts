/**
 * Upstream problem: what a client is told where a service that was needed has failed, and not this one.
 *
 *   error ── nothing of the call can have arrived, or "later" ──► UPSTREAM_UNAVAILABLE   503, may come again
 *         ── it said nothing in time ──────────────────────────► UPSTREAM_LATE          504
 *         ── it failed, or what came was no answer ────────────► UPSTREAM_FAILED        502
 *         ── it has answered: not found, not allowed ──────────► undefined: what that means here is for the handler to say
 *
 * Invariants
 *  (1) Looking never throws, whatever was thrown.
 *  (2) Errors of gRPC are known by their shape: nothing of gRPC is imported.
 *  (3) An error that is for a framework, with a status of its own but no response, is left to it.
 *
 * Sources: RFC 9110, HTTP Semantics, R. Fielding et al., 2022, sections 15.6.3 to 15.6.5; "Status codes and their use in gRPC", The gRPC
 * Authors, https://grpc.github.io/grpc/core/md_doc_statuscodes.html.
 *
 * @module
 */

import { isResilienceError } from '@holdfast/core';

import { carriesCode, failureOfError, statusOf, wasSurelyUnsent } from './client/http-failures.ts';
import { fieldOf } from './field-of.ts';
import { httpRetryAfterMs } from './client/http-verdict.ts';
import type { ProblemAnswer } from './problem-answer.ts';
import { isOfEnd } from './server/request-error.ts';

/**
 * Returns what is told of an error by which another service has failed: of gRPC, `fetch`, undici, axios or a socket of Node.js, as of a
 * database that nobody can reach. For the option `problems`. Undefined for any other error, and for answers such as "not found",
 * whose meaning for your client only the handler knows. Never throws.
 *
 * @example
 * ```ts
 * const requests = createRequestContexts({ problems: upstreamProblem });
 * ```
 */
export function upstreamProblem(error: unknown): ProblemAnswer | undefined {
  if (isOfEnd(error)) return undefined; // a circuit that is open has a row of its own, whatever has opened it
  const code = codeOfGrpc(grpcStatusOf(error)) ?? codeOfResponse(error) ?? codeOfFailure(error);
  return code === undefined ? undefined : answerOf(code, error);
}

/**
 * Returns what is told of an error without being asked for: a `GrpcStatusError` by which a called service says "later", as servers of gRPC
 * pass it on. Never throws.
 */
export function passedOnProblem(error: unknown): ProblemAnswer | undefined {
  if (!isOursOfGrpc(error) || codeOfGrpc(grpcStatusOf(error)) !== 'UPSTREAM_UNAVAILABLE') return undefined;
  return answerOf('UPSTREAM_UNAVAILABLE', error);
}

// --- internal ---

type UpstreamCode = 'UPSTREAM_UNAVAILABLE' | 'UPSTREAM_LATE' | 'UPSTREAM_FAILED';

/** Statuses of gRPC that say that a service has failed, by name and by number. */
const grpcCodes: ReadonlyMap<unknown, UpstreamCode> = new Map<unknown, UpstreamCode>([
  ...both('UNAVAILABLE', 14, 'UPSTREAM_UNAVAILABLE'),
  ...both('RESOURCE_EXHAUSTED', 8, 'UPSTREAM_UNAVAILABLE'),
  ...both('DEADLINE_EXCEEDED', 4, 'UPSTREAM_LATE'),
  ...both('UNKNOWN', 2, 'UPSTREAM_FAILED'),
  ...both('INTERNAL', 13, 'UPSTREAM_FAILED'),
  ...both('DATA_LOSS', 15, 'UPSTREAM_FAILED'),
]);

/** Codes of errors by which a client says that nothing came for too long; axios has two of them. */
const lateCodes: ReadonlySet<unknown> = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ERR_SOCKET_TIMEOUT',
  'ETIMEDOUT',
  'ECONNABORTED',
]);

function both(name: string, number: number, code: UpstreamCode): [unknown, UpstreamCode][] {
  return [
    [name, code],
    [number, code],
  ];
}

function isOursOfGrpc(error: unknown): boolean {
  return isResilienceError(error) && fieldOf(error, 'code') === 'GRPC_STATUS' && fieldOf(error, 'isReceived') === true;
}

/** The status that came from a server of gRPC: of an error of ours, by name, or of grpc-js, by number. */
function grpcStatusOf(error: unknown): unknown {
  if (isOursOfGrpc(error)) return fieldOf(error, 'status');
  const isOfGrpc = typeof fieldOf(error, 'details') === 'string' && typeof fieldOf(error, 'metadata') === 'object'; // (2)
  return isOfGrpc ? fieldOf(error, 'code') : undefined;
}

function codeOfGrpc(status: unknown): UpstreamCode | undefined {
  return grpcCodes.get(status);
}

/** Of an error that was made of a response: of axios, or of undici where that is asked to throw. */
function codeOfResponse(error: unknown): UpstreamCode | undefined {
  if (!isOfResponse(error)) return undefined; // (3)
  const status = statusOf(error) ?? 0;
  if (status === 503 || status === 429) return 'UPSTREAM_UNAVAILABLE';
  if (status === 504 || status === 408) return 'UPSTREAM_LATE';
  return status >= 500 && status <= 599 ? 'UPSTREAM_FAILED' : undefined;
}

function codeOfFailure(error: unknown): UpstreamCode | undefined {
  const row = isOfResponse(error) ? undefined : failureOfError(error);
  if (row === undefined || row.verdict === 'ignored') return undefined;
  if (row.isTransient && wasSurelyUnsent(error)) return 'UPSTREAM_UNAVAILABLE';
  return carriesCode(error, lateCodes) ? 'UPSTREAM_LATE' : 'UPSTREAM_FAILED';
}

function isOfResponse(error: unknown): boolean {
  const isOfAxios = typeof fieldOf(error, 'response') === 'object' && fieldOf(error, 'response') !== null;
  return isOfAxios || fieldOf(error, 'code') === 'UND_ERR_RESPONSE';
}

/** The answer, with the time that the other service has told. */
function answerOf(code: UpstreamCode, error: unknown): ProblemAnswer {
  if (code !== 'UPSTREAM_UNAVAILABLE') return { code };
  const told = httpRetryAfterMs({ status: 'rejected', error });
  return told === undefined ? { code } : { code, retryAfterMs: told };
}
