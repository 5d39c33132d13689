/**
 * Loop: calls a subject many times, in one or several lanes of calls one after the other, and takes the time.
 *
 * Every row gets a loop of its own, compiled from its own source, so that the loop's call sites see one subject only and
 * no row pays for the rows before it. What the rows share inside the libraries sees all of them, as it does in a service.
 *
 * Every loop has the same `try`, so a row that rejects is compared with a base that could.
 *
 * @module
 */

import type { Subject } from './subject.ts';

/** Calls a subject `count` times; resolves with the milliseconds that it took. */
export type Loop = (count: number) => Promise<number>;

/** How calls follow one another. */
export interface LoopShape {
  /** Calls in flight; 1 where it is left out. */
  readonly laneCount?: number | undefined;
  /** Whether nothing is awaited between them; false where it is left out. */
  readonly isSync?: boolean | undefined;
}

/** Compiles the loop of one row. The loop throws when a call neither gave 1 nor rejected. */
export function loopOf(name: string, subject: Subject, { laneCount = 1, isSync = false }: LoopShape = {}): Loop {
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- a function of one source shares what it learns
  const repeat = new Function(`return async function repeat(run, count) { // ${name}
    let consumed = 0;
    for (let call = 0; call < count; call++) {
      try { consumed += ${isSync ? '' : 'await '}run(); } catch { consumed += 1; }
    }
    return consumed;
  }`)() as (run: () => unknown, count: number) => Promise<number>;
  return async (count) => {
    const shares = sharesOf(count, laneCount);
    const startedAt = performance.now();
    const consumed = await Promise.all(shares.map((share) => repeat(subject.run, share)));
    const elapsedMs = performance.now() - startedAt;
    const total = consumed.reduce((sum, part) => sum + part, 0);
    if (total !== count) throw new Error(`${name}: ${count} calls gave ${total}`);
    return elapsedMs;
  };
}

// --- internal ---

/** Deals `count` calls out to lanes, evenly. */
function sharesOf(count: number, laneCount: number): number[] {
  return Array.from({ length: laneCount }, (_, lane) => Math.floor((count + lane) / laneCount));
}
