/**
 * Context watch: several contexts, watched as one.
 *
 * Invariants
 *  (1) The listener hears once, of the first that ends; after `stop()` not at all.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

/** A context that has ended. */
export interface End {
  /** Why, by identity. */
  readonly cause: unknown;
}

/** Returns the end of the first of `contexts` that has ended; undefined while all are live. */
export function endOf(contexts: readonly Context[]): End | undefined {
  const ended = contexts.find(({ cancelled }) => cancelled);
  return ended && { cause: ended.cause };
}

/** Calls `listener` when the first of `contexts` ends; at once if one has. Returns what unhooks it. */
export function watchEnd(contexts: readonly Context[], listener: (end: End) => void): () => void {
  let isDone = false;
  const stops: (() => unknown)[] = [];
  const stop = (): void => {
    isDone = true;
    for (const unhook of stops.splice(0)) unhook();
  };
  for (const context of contexts) {
    if (isDone) break;
    const unhook = context.onCancel((cause) => {
      if (isDone) return;
      stop();
      listener({ cause });
    });
    if (isDone) unhook();
    else stops.push(unhook);
  }
  return stop;
}

/** Milliseconds until the first of `contexts` ends by its deadline; Infinity where none has one. */
export function remainingMsOf(contexts: readonly Context[]): number {
  return Math.min(Infinity, ...contexts.map((context) => context.remainingMs()));
}
