/**
 * Error status: with which status a call ends whose handler has failed.
 *
 * Invariants
 *  (1) Of an error that says no status itself, nothing is told: its message may be a secret.
 *  (2) It never throws, whatever was thrown.
 *
 * @module
 */

import { Metadata } from '@grpc/grpc-js';
import { isCancelled, isRejection, isTimeout, type RejectionError } from '@holdfast/core';

import { type GrpcStatusError, isGrpcStatusError, isMetadata } from './grpc-error.ts';
import { writePushbackMs } from './pushback.ts';
import { type GrpcStatusName, statusNumberOf, statusRowOf } from './status-table.ts';

/** How a call ends. */
export interface FinalStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The status for what a handler threw. */
export function statusOfError(error: unknown): FinalStatus {
  try {
    return ownStatusOf(error) ?? statusOfOurs(error) ?? finalStatus('UNKNOWN', HANDLER_FAILED); // (1)
  } catch {
    return finalStatus('UNKNOWN', HANDLER_FAILED); // (2)
  }
}

/** Makes a status. */
export function finalStatus(name: GrpcStatusName, details: string, metadata: Metadata = new Metadata()): FinalStatus {
  return { code: statusNumberOf(name), details, metadata };
}

/** Whether the caller is told nothing of the error that led to `status`, so that somebody else must be. */
export function saysNothing({ details }: FinalStatus): boolean {
  return details === HANDLER_FAILED || details === SERVICE_FAILED;
}

// --- internal ---

const HANDLER_FAILED = 'the handler failed';
const SERVICE_FAILED = 'a service that was called has failed';

/** The code of what did not begin since there was too little time left for it: another try has less. */
const TOO_LATE = 'NOT_ENOUGH_TIME';

/** Rejections that say "too much of this" rather than "not now". */
const exhausted: ReadonlySet<string> = new Set(['RATE_LIMITED', 'BULKHEAD_FULL', 'TRACKER_FULL', 'OUTBOX_FULL']);

/** The status that an error says itself: one of `grpcError`, or what grpc-js takes, an object with a number and details. */
function ownStatusOf(error: unknown): FinalStatus | undefined {
  if (isGrpcStatusError(error)) return error.isReceived ? statusOfReceived(error) : saidBy(error);
  if (!saysStatus(error)) return undefined;
  const { code, details, metadata, stack } = error;
  if (typeof stack === 'string' && stack.includes('for call at')) return passedOn(code); // grpc-js has made it, for a client
  return { code, details, metadata: isMetadata(metadata) ? metadata : new Metadata() };
}

function saysStatus(error: unknown): error is FinalStatus & { readonly stack?: unknown } {
  if (typeof error !== 'object' || error === null) return false;
  const { code, details } = error as Record<string, unknown>;
  return typeof details === 'string' && Number.isInteger(code) && (code as number) >= 1 && (code as number) <= 16;
}

function saidBy({ status, details, metadata }: GrpcStatusError): FinalStatus {
  return finalStatus(status, details, metadata);
}

function statusOfReceived(error: GrpcStatusError): FinalStatus {
  const status = passedOn(statusNumberOf(error.status));
  if (status.code === statusNumberOf(error.status)) addPushback(status.metadata, error.retryAfterMs);
  return status;
}

/** What another service has answered to the handler is not the caller's business, but for what says "later" or "too late". */
function passedOn(code: number): FinalStatus {
  const { name, isPassedOn } = statusRowOf(code);
  return isPassedOn ? finalStatus(name, 'a service that was called said so') : finalStatus('INTERNAL', SERVICE_FAILED);
}

function statusOfOurs(error: unknown): FinalStatus | undefined {
  if (isRejection(error)) return statusOfRejection(error);
  if (isTimeout(error)) return finalStatus('DEADLINE_EXCEEDED', 'the deadline passed');
  if (isCancelled(error)) return finalStatus('CANCELLED', 'the call was cancelled');
  return undefined;
}

function statusOfRejection(error: RejectionError): FinalStatus {
  if (error.code === TOO_LATE) return finalStatus('DEADLINE_EXCEEDED', 'too little time was left');
  const status = exhausted.has(error.code)
    ? finalStatus('RESOURCE_EXHAUSTED', 'refused: too much at once')
    : finalStatus('UNAVAILABLE', 'refused: not available now');
  addPushback(status.metadata, error.retryAfterMs);
  return status;
}

function addPushback(metadata: Metadata, retryAfterMs: number | undefined): void {
  if (retryAfterMs !== undefined && retryAfterMs >= 0) writePushbackMs(metadata, retryAfterMs);
}
