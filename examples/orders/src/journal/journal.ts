/**
 * Journal: what happens, on the console, a line each: what the story does, and the hops of those requests that it shows.
 *
 * @module
 */

import type { Hop } from '../contract/hop.ts';
import { writeHop } from './hop-line.ts';

/** Prints what happens. */
export interface Journal {
  /** Prints what the story does. */
  readonly note: (text: string) => void;
  /** Prints a hop, if it is of a trace that is shown. */
  readonly hop: (hop: Hop) => void;
  /** Has the hops of a trace printed from now on. */
  readonly show: (traceId: string) => void;
}

/** Creates a journal on standard output. Times are since now. */
export function createJournal(print: (line: string) => void = console.log): Journal {
  const begunAt = performance.now();
  const shown = new Set<string>();
  const line = (text: string): void =>
    print(`+${((performance.now() - begunAt) / 1000).toFixed(1).padStart(5)}s ${text}`);
  return {
    note: line,
    hop: (hop) => (shown.has(hop.traceId) ? line(`  ${writeHop(hop)}`) : undefined),
    show: (traceId) => void shown.add(traceId),
  };
}
