/**
 * Problem: a refused request, as RFC 9457 describes it. Thrown inside the endpoint, sent as `application/problem+json`.
 *
 * @module
 */

import { STATUS_CODES } from 'node:http';

/** What a problem tells besides status and detail. */
export interface ProblemMembers {
  /** Stable, literal name of what happened. */
  readonly code: string;
  /** The field of the request that was refused, where one was. */
  readonly field?: string | undefined;
  /** The revision of the feature, where it decided. */
  readonly revision?: number | undefined;
  /** Whether something may have been changed all the same: nobody has confirmed that it was, or that it was not. */
  readonly mayHaveChanged?: true | undefined;
}

/** A request is refused. It has changed nothing, unless `mayHaveChanged` says that this is not known. */
export class Problem extends Error {
  readonly status: number;
  readonly members: ProblemMembers;
  readonly headers: Readonly<Record<string, string>>;

  // oxlint-disable-next-line max-params -- status, words for people, names for programs, headers of the answer
  constructor(status: number, detail: string, members: ProblemMembers, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.members = members;
    this.headers = headers;
  }

  /** The body of the answer. */
  toJSON(): Readonly<Record<string, unknown>> {
    const { status, message, members } = this;
    return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Problem', status, detail: message, ...members };
  }
}
