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

/** Cancels `childCount` children `repeats` times, of either kind in turn. */
export function measureFanOut(childCount: number, repeats: number): FanOutResult {
  const times = { contexts: [] as Taken[], controllers: [] as Taken[] };
  for (let round = -2; round < repeats; round++) {
    const ofContexts = cancelContexts(childCount);
    const ofControllers = round % CONTROLLERS_EVERY === 0 ? abortControllers(childCount) : undefined;
    if (round < 0) continue; // warming up
    times.contexts.push(ofContexts);
    if (ofControllers !== undefined) times.controllers.push(ofControllers);
  }
  const [contexts, controllers] = [fanOutOf(times.contexts), fanOutOf(times.controllers)];
  return { childCount, repeats, contexts, controllers, ratio: controllers.medianMs / contexts.medianMs };
}

// --- internal ---

/** Controllers take so long to set up that they are measured less often. */
const CONTROLLERS_EVERY = 10;

function cancelContexts(childCount: number): Taken {
  const root = Context.background.withCancel();
  let told = 0;
  for (let child = 0; child < childCount; child++) root.withCancel().onCancel(() => told++);
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
  const taken = timeOf(() => root.abort(cause));
  requireAll(told, childCount);
  return taken;
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
