/**
 * Status table: what each status of gRPC says, said once: of the dependency, of another try, and to those further up.
 *
 * Invariants
 *  (1) Every status of gRPC has one row, and a number that is none is read as UNKNOWN.
 *
 * Source: "Status codes and their use in gRPC", The gRPC Authors, https://grpc.github.io/grpc/core/md_doc_statuscodes.html.
 * Deviation: none of the codes; the columns are ours.
 *
 * @module
 */

import type { Verdict } from '@holdfast/core';

/** A status by its name. */
export type GrpcStatusName =
  | 'OK'
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** What a status says. */
export interface GrpcStatusRow {
  readonly name: GrpcStatusName;
  /** Its number on the wire, 0 to 16. */
  readonly number: number;
  /** What it says about the dependency. A server that answers "not found" is well. */
  readonly verdict: Verdict;
  /** Whether another try may succeed: `if-asked` only where the server has said when. */
  readonly isRetryable: boolean | 'if-asked';
  /** Whether a handler that got it from a call of its own tells it to its caller, or INTERNAL in its place. */
  readonly isPassedOn: boolean;
}

/** Every status, by its number. */
export const grpcStatusTable: readonly GrpcStatusRow[] = Object.freeze(
  [
    row('OK', 'success', false, false),
    row('CANCELLED', 'ignored', false, true),
    row('UNKNOWN', 'failure', false, false),
    row('INVALID_ARGUMENT', 'success', false, false),
    row('DEADLINE_EXCEEDED', 'failure', false, true),
    row('NOT_FOUND', 'success', false, false),
    row('ALREADY_EXISTS', 'success', false, false),
    row('PERMISSION_DENIED', 'success', false, false),
    row('RESOURCE_EXHAUSTED', 'failure', 'if-asked', true),
    row('FAILED_PRECONDITION', 'success', false, false),
    row('ABORTED', 'success', false, false),
    row('OUT_OF_RANGE', 'success', false, false),
    row('UNIMPLEMENTED', 'success', false, false),
    row('INTERNAL', 'failure', false, false),
    row('UNAVAILABLE', 'failure', true, true),
    row('DATA_LOSS', 'failure', false, false),
    row('UNAUTHENTICATED', 'success', false, false),
  ].map((each, number) => Object.freeze({ ...each, number })),
);

/** Returns the row of a number; UNKNOWN's for what is none. */
export function statusRowOf(number: unknown): GrpcStatusRow {
  const found = typeof number === 'number' ? grpcStatusTable[number] : undefined;
  return found ?? (grpcStatusTable[2] as GrpcStatusRow); // (1)
}

/** Returns the number of a status. */
export function statusNumberOf(name: GrpcStatusName): number {
  return grpcStatusTable.findIndex((each) => each.name === name);
}

// --- internal ---

function row(
  name: GrpcStatusName,
  verdict: Verdict,
  isRetryable: GrpcStatusRow['isRetryable'],
  isPassedOn: boolean,
): Omit<GrpcStatusRow, 'number'> {
  return { name, verdict, isRetryable, isPassedOn };
}
