/**
 * Fan-out: how long it takes from the cancel of a root until the last of its children has been told, for contexts and for
 * AbortControllers that listen to their parent's signal, as one does by hand.
 *
 * @module
 */

import { setMaxListeners } from 'node:events';

import { Context } from '@holdfast/core';

import { quantile } from '../statistics.ts';

/** Milliseconds from the cancel to the last child, of one kind of children. */
export interface FanOut {
  readonly medianMs: number;
  readonly p99Ms: number;
  /** As `p99Ms`, in time that this process had a processor: what others on the machine do does not count. */
  readonly p99CpuMs: number;
}

/** One cancel. */
interface Taken {
  readonly wallMs: number;
  readonly cpuMs: number;
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

/**
 * Cancels `childCount` children `repeats` times, contexts first: a controller's garbage takes so long to collect that it
 * would fall on the contexts after it. Controllers are measured a tenth as often.
 */
export function measureFanOut(childCount: number, repeats: number): FanOutResult {
  const contexts = fanOutOf(measure(() => cancelContexts(childCount), repeats));
  const controllers = fanOutOf(measure(() => abortControllers(childCount), Math.ceil(repeats / 10)));
  return { childCount, repeats, contexts, controllers, ratio: controllers.medianMs / contexts.medianMs };
}

// --- internal ---

const WARM_UP = 3;

function measure(cancelAll: () => Taken, repeats: number): readonly Taken[] {
  return Array.from({ length: WARM_UP + repeats }, cancelAll).slice(WARM_UP);
}

function cancelContexts(childCount: number): Taken {
  const root = Context.background.withCancel();
  let told = 0;
  for (let child = 0; child < childCount; child++) root.withCancel().onCancel(() => told++);
  collectGarbage();
  const taken = timeOf(() => root.cancel());
  requireAll(told, childCount);
  return taken;
}

function abortControllers(childCount: number): Taken {
  const root = new AbortController();
  setMaxListeners(0, root.signal);
  let told = 0;
  for (let child = 0; child < childCount; child++) {
    const own = new AbortController();
    root.signal.addEventListener('abort', () => own.abort(root.signal.reason), { once: true });
    own.signal.addEventListener('abort', () => told++, { once: true });
  }
  const cause = new Error('stop');
  collectGarbage();
  const taken = timeOf(() => root.abort(cause));
  requireAll(told, childCount);
  return taken;
}

/** What was left by the set-up, and by earlier rounds, is not paid for by the cancel. */
function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

function timeOf(cancel: () => void): Taken {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  cancel();
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs, cpuMs: (user + system) / 1000 };
}

function requireAll(told: number, childCount: number): void {
  if (told !== childCount) throw new Error(`${told} of ${childCount} children were told`);
}

function fanOutOf(taken: readonly Taken[]): FanOut {
  const [wall, cpu] = [taken.map(({ wallMs }) => wallMs), taken.map(({ cpuMs }) => cpuMs)];
  return { medianMs: quantile(wall, 0.5), p99Ms: quantile(wall, 0.99), p99CpuMs: quantile(cpu, 0.99) };
}
