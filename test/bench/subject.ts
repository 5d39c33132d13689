/**
 * Subject: what a row of a benchmark is, and the work that all rows do.
 *
 * @module
 */

/** One thing to measure, ready to run. */
export interface Subject {
  /** One call. Its value is 1, or it rejects. */
  readonly run: () => unknown;
  /** Lets go of timers. */
  readonly close?: () => void;
}

/** A named row of the table. */
export interface Row {
  readonly name: string;
  /** What it is, for people. */
  readonly title: string;
  /** Makes the thing to measure. */
  readonly prepare: () => Subject | Promise<Subject>;
}

/** Name of the row that all others are compared with. */
export const BASE_ROW = 'bare';

/** The work of every row. */
export const operation = async (): Promise<number> => 1;

/** Time of every timeout, of ours and of the peers. */
export const TIMEOUT_MS = 1000;
