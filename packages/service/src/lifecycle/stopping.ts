/**
 * Stopping: ends what was started, inside one deadline.
 *
 *   quiesce all ─► go on serving for notReadyForMs ─► drain: each when all that use it have       ─► close: in reverse
 *   0                                                 │                                              │                 stopTimeoutMs
 *                                                     └── three quarters of the time that is left ───┘── the rest ─────┘
 *
 * Invariants
 *  (1) A component is drained after all that use it, and closed in reverse start order.
 *  (2) A step that fails or hangs keeps no other from its turn: each gets a share of the time that is left.
 *  (3) It ends within `stopTimeoutMs`, whatever the components do.
 *      A drain keeps little of it for a part below that has nothing under way, and an equal part for any other.
 *  (4) Every step that a component has is in the report, once.
 *
 * @module
 */

import { CancelledError, type Clock, Context, type DrainReport, askHook, callHook, within } from '@holdfast/core';

import { pause } from '../drain/pause.ts';
import type { Component } from './component.ts';
import { drainDepths, usesOf } from './start-order.ts';
import type { StopReason, StopReport, StopStep } from './stop-report.ts';

/** What is stopped, and how long it may take. */
export interface StopPlan {
  /** In the order in which they were started. */
  readonly components: readonly Component[];
  readonly clock: Clock;
  readonly reason: StopReason;
  /** When stopping began: an instant of the clock. */
  readonly begunAt: number;
  /** Milliseconds for all, from then on. */
  readonly stopTimeoutMs: number;
  /** Milliseconds for which it goes on serving before it drains; part of the time for all. */
  readonly notReadyForMs: number;
  /** Told of every step. Must not throw. */
  readonly onStep: (step: StopStep) => void;
}

/** Stops. Never rejects. */
export async function stopComponents(plan: StopPlan): Promise<StopReport> {
  const { components, clock, begunAt, stopTimeoutMs, notReadyForMs, reason } = plan;
  const context = Context.withClock(clock).withTimeout(begunAt + stopTimeoutMs - clock.now()); // (3)
  const steps: StopStep[] = [];
  const run = new StopRun(plan, steps);

  for (const component of components) callHook('quiesce', component.name, () => component.quiesce?.());
  if (notReadyForMs > 0) await pause(notReadyForMs, { clock, context });
  await run.drainAll(context.withTimeout(context.remainingMs() * DRAIN_RATIO));
  await run.closeAll(context);

  const isComplete = steps.every(({ outcome, drained }) => outcome === 'done' && drained?.isComplete !== false);
  const isWell = isComplete && (reason.kind === 'asked' || reason.kind === 'signal');
  return { reason, isComplete, durationMs: clock.now() - begunAt, steps, exitCode: isWell ? 0 : 1 };
}

// --- internal ---

/** Share of the time for draining, once traffic has gone elsewhere; the rest is for closing. */
const DRAIN_RATIO = 0.75;

/** What is kept for the drain of a part that has nothing under way, as a ratio of what is kept for any other. */
const IDLE_WEIGHT = 0.1;

/** Share of a step's time after which its context ends; the rest is for what it does about that. */
const CONTEXT_RATIO = 0.95;

type StepKind = 'drain' | 'close';

class StopRun {
  readonly #plan: StopPlan;
  readonly #steps: StopStep[];

  constructor(plan: StopPlan, steps: StopStep[]) {
    this.#plan = plan;
    this.#steps = steps;
  }

  /** Drains every component when all that use it have drained. */
  async drainAll(context: Context): Promise<void> {
    const { components } = this.#plan;
    const uses = usesOf(components);
    const drained = new Map<string, Promise<unknown>>();
    for (const component of components.toReversed()) {
      const above = components.filter(({ name }) => uses.get(name)?.includes(component.name));
      const before = Promise.all(above.map(({ name }) => drained.get(name) ?? Promise.resolve()));
      const own = before.then(() => {
        const shareMs = context.remainingMs() / this.#drainWeight(component); // (2)
        return this.#step(component, 'drain', context.withTimeout(shareMs));
      });
      drained.set(component.name, own); // (1)
    }
    await Promise.all(drained.values());
  }

  /** Closes one after the other, the last that was started first. */
  async closeAll(context: Context): Promise<void> {
    const closers = this.#plan.components.filter((component) => component.close !== undefined);
    for (const [index, component] of closers.toReversed().entries()) {
      const shareMs = context.remainingMs() / (closers.length - index); // (2)
      await this.#step(component, 'close', context.withTimeout(shareMs)); // (1)
    }
  }

  // --- internal ---

  /** What the drain of `component`, which weighs 1, and those of the heaviest chain below it weigh together. */
  #drainWeight(component: Component): number {
    const weightOf = (other: Component): number => (other !== component && isIdle(other) ? IDLE_WEIGHT : 1);
    return Math.max(1, drainDepths(this.#plan.components, weightOf).get(component.name) ?? 1);
  }

  /** Runs one step, if the component has it. `limit` ends when its time is over. */
  async #step(component: Component, kind: StepKind, limit: Context): Promise<void> {
    if (component[kind] === undefined) return;
    const { clock, onStep } = this.#plan;
    const begunAt = clock.now();
    const own = limit.withTimeout(limit.remainingMs() * CONTEXT_RATIO);
    const ending = await within(() => component[kind]?.(own), { clock, context: limit });
    own.cancel(new CancelledError(`the ${kind} of ${component.name} has ended`));
    const step: StopStep = {
      component: component.name,
      kind,
      outcome: ending.kind,
      durationMs: clock.now() - begunAt,
      error: ending.kind === 'failed' ? ending.error : ending.kind === 'late' ? ending.cause : undefined,
      drained: ending.kind === 'done' && isDrainReport(ending.value) ? ending.value : undefined,
    };
    this.#steps.push(step); // (4)
    onStep(step);
  }
}

function isIdle(component: Component): boolean {
  if (component.isIdle === undefined) return false;
  const ask = (): unknown => component.isIdle?.();
  return askHook('isIdle', component.name, ask, () => false);
}

function isDrainReport(value: unknown): value is DrainReport {
  return typeof value === 'object' && value !== null && 'isComplete' in value && 'abandoned' in value;
}
