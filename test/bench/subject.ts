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
  /** Name of the row that this one is compared with; `bare` where it is left out. */
  readonly baseline?: string;
  /** Calls that run at once, each followed by the next when it settles; 1 where it is left out. */
  readonly inFlightCount?: number;
  /** Whether its value is there at once, so that nothing is awaited; false where it is left out. */
  readonly isSync?: boolean;
  /** Makes the thing to measure. */
  readonly prepare: () => Subject | Promise<Subject>;
}

/** Name of the row that most others are compared with. */
export const BASE_ROW = 'bare';

/** Name of the row that those are compared with whose operation takes a turn of the event loop. */
export const TURN_BASE_ROW = 'bare-turn';

/** Name of the row that `row` is compared with. */
export function baselineOf({ baseline }: Row): string {
  return baseline ?? BASE_ROW;
}

/** Returns the rows with these names and those that they are compared with. */
export function withBaselines(rows: readonly Row[], names: ReadonlySet<string>): Row[] {
  const bases = new Set(rows.filter(({ name }) => names.has(name)).map(baselineOf));
  return rows.filter(({ name }) => names.has(name) || bases.has(name));
}

/** What the rows have in common whose operation takes a turn of the event loop. */
export const ACROSS_A_TURN = { baseline: TURN_BASE_ROW, inFlightCount: 20 } as const;

/** The work of most rows: it settles within the turn of the event loop in which it starts. */
export const operation = async (): Promise<number> => 1;

/** The same for a later turn, as any answer from outside of the process comes in one. */
export const turnOperation = (): Promise<number> =>
  new Promise((resolve) => {
    setImmediate(resolve, 1);
  });

/** Time of every timeout, of ours and of the peers. */
export const TIMEOUT_MS = 1000;
