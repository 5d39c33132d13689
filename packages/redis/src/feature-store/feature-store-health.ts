/**
 * Feature store health: how a store of features in Redis is.
 *
 * @module
 */

/** How a store is. */
export interface FeatureStoreHealth {
  /** The namespace. */
  readonly name: string;
  /** `shared` while the server answers; `local` while this process goes by what it knows. */
  readonly mode: 'shared' | 'local';
  /** Whether notices are heard; changes are up to `pollMs` late where they are not. */
  readonly isHeard: boolean;
  /** Features that the server has a record of, as far as is known. */
  readonly features: number;
  /** Requests that were answered. */
  readonly answered: number;
  /** Requests that were not, or not in time. */
  readonly failed: number;
  /** Time that the last answer to a script took. Milliseconds; undefined before the first. */
  readonly latencyMs: number | undefined;
  /** Time since the server last answered a script. Milliseconds; Infinity where it never has. */
  readonly silentMs: number;
  /** Notices that did not follow on what was known: some were lost, or came late. The next look has set that right. */
  readonly unexpectedNotices: number;
  /** Notices that could not be read since the store was created. */
  readonly malformedNotices: number;
  /** Records on the server that cannot be read, as far as is known. */
  readonly refusedRecords: number;
  /** What keeps this process from sharing though the server answers; undefined where nothing does. */
  readonly problem: string | undefined;
}
