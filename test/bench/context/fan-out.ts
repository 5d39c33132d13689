/**
 * Fan-out: how long it takes from the cancel of a root until the last of its children has been told, for contexts and for
 * AbortControllers that listen to their parent's signal, as one does by hand.
 *
 * @module
 */

import { Context } from '@holdfast/core';

import { quantile } from '../statistics.ts';

/** Milliseconds from the cancel to the last child, of one kind of children. */
export interface FanOut {
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** What came of a comparison. */
export interface FanOutResult {
  readonly childCount: number;
  readonly repeats: number;
  readonly contexts: FanOut;
  readonly controllers: FanOut;
  /** How many times longer the controllers take, by the medians. */
  readonly ratio: number;
}

/** Cancels `childCount` children `repeats` times, of either kind in turn. */
export function measureFanOut(childCount: number, repeats: number): FanOutResult {
  const times = { contexts: [] as number[], controllers: [] as number[] };
  for (let round = -2; round < repeats; round++) {
    const contextMs = cancelContexts(childCount);
    const controllerMs = round % CONTROLLERS_EVERY === 0 ? abortControllers(childCount) : undefined;
    if (round < 0) continue; // warming up
    times.contexts.push(contextMs);
    if (controllerMs !== undefined) times.controllers.push(controllerMs);
  }
  const [contexts, controllers] = [fanOutOf(times.contexts), fanOutOf(times.controllers)];
  return { childCount, repeats, contexts, controllers, ratio: controllers.medianMs / contexts.medianMs };
}

// --- internal ---

/** Controllers take so long to set up that they are measured less often. */
const CONTROLLERS_EVERY = 10;

function cancelContexts(childCount: number): number {
  const root = Context.background.withCancel();
  let told = 0;
  for (let child = 0; child < childCount; child++) root.withCancel().onCancel(() => told++);
  const startedAt = performance.now();
  root.cancel();
  return after(startedAt, told, childCount);
}

function abortControllers(childCount: number): number {
  const root = new AbortController();
  let told = 0;
  for (let child = 0; child < childCount; child++) {
    const own = new AbortController();
    root.signal.addEventListener('abort', () => own.abort(root.signal.reason), { once: true });
    own.signal.addEventListener('abort', () => told++, { once: true });
  }
  const startedAt = performance.now();
  root.abort(new Error('stop'));
  return after(startedAt, told, childCount);
}

function after(startedAt: number, told: number, childCount: number): number {
  const ms = performance.now() - startedAt;
  if (told !== childCount) throw new Error(`${told} of ${childCount} children were told`);
  return ms;
}

function fanOutOf(times: readonly number[]): FanOut {
  return { medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
}
