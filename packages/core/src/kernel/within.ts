/**
 * Within: waits for work until a context ends, whatever the work does.
 *
 * Invariants
 *  (1) It resolves with the first of: the work's value, its error, the end of the context. It never rejects.
 *  (2) The process is kept alive until then, where the context has a deadline; afterwards no timer and no listener is left.
 *  (3) Nothing starts under a context that has ended.
 *  (4) What comes later is handed to `onLate`, so that nothing is lost, and no rejection is left unhandled.
 *
 * @module
 */

import type { Clock, Timer } from './clock.ts';
import type { Context } from './context.ts';

/** What the wait has come to. */
export type Ending<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'late'; readonly cause: unknown };

/** On what clock to wait, and who is told of a value that comes too late. */
export interface WaitParts<T> {
  /** Of a context with a deadline, it keeps the process alive; undefined keeps none. */
  readonly clock: Clock | undefined;
  /** What the wait ends with. */
  readonly context: Context;
  /** Told of a value that comes after the wait has ended, so that what it holds can be let go of. Must not throw. */
  readonly onLate?: (value: T) => void;
}

/** Runs `work` and waits for it until `context` ends. Work that throws has failed; with a context that has ended it is not run. */
export function within<T>(work: () => T | PromiseLike<T>, parts: WaitParts<T>): Promise<Ending<T>> {
  const { clock, context, onLate } = parts;
  if (context.cancelled) return Promise.resolve({ kind: 'late', cause: context.cause }); // (3)
  return new Promise((resolve) => {
    let isOver = false;
    let timer: Timer | undefined = undefined;
    let stop: (() => unknown) | undefined = undefined;
    const end = (ending: Ending<T>): void => {
      if (isOver && ending.kind === 'done') onLate?.(ending.value); // (4)
      if (isOver) return;
      isOver = true;
      timer?.cancel(); // (2)
      stop?.();
      resolve(ending);
    };
    const late = (): void => end({ kind: 'late', cause: context.cause });
    const remainingMs = context.remainingMs();
    if (remainingMs !== Infinity) timer = clock?.setTimer(late, remainingMs); // (2): a listener would not hold the process
    stop = context.onCancel(late);
    const run = (): void => {
      if (isOver) return; // (3)
      new Promise<T>((settle) => settle(work())).then(
        (value) => end({ kind: 'done', value }),
        (error: unknown) => end({ kind: 'failed', error }),
      );
    };
    void Promise.resolve().then(run);
  });
}
