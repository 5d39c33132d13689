/**
 * Switchable pipeline: a pipeline whose policies can be exchanged while calls run through it.
 *
 *   execute ─► the pipeline of now ─► ...        switchTo(next): the next call goes through `next`
 *
 * Invariants
 *  (1) A call goes through the policies of the moment in which it started, to its end.
 *  (2) A switch is seen by every call that starts after it, also where the pipeline is part of another one.
 *  (3) `calls` counts on over switches, and no pipeline is kept that has no call left.
 *
 * @module
 */

import type { AttachedMeter, CallMeter } from '../kernel/call-meter.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Context } from '../kernel/context.ts';
import type { Layer, Operation, Sink } from '../kernel/handler.ts';
import { type PipelineTap, type PlacedTap, type TappablePart, stagesUnder } from '../kernel/pipeline-tap.ts';
import type { CallCounts, Pipeline } from '../kernel/pipeline.ts';
import { type Policy, wrap } from '../kernel/policy.ts';
import { type Stage, type StageLayer, layerOfStages } from '../kernel/stage.ts';

/** A pipeline whose policies can be exchanged. */
export class SwitchablePipeline implements Pipeline<unknown>, TappablePart {
  readonly kind = 'pipeline';
  readonly name: string;
  readonly clock: Clock;
  private current: Pipeline<unknown>;
  private retired: readonly Pipeline<unknown>[] = [];
  private finished: CallCounts = { success: 0, failure: 0, rejected: 0, cancelled: 0, running: 0 };
  /** What is attached to the pipeline of now, by meter. */
  private readonly meters = new Map<object, { readonly meter: CallMeter; attached: AttachedMeter }>();

  /** The same, by tap. */
  private readonly taps = new Map<object, { readonly tap: PipelineTap; remove: () => void }>();

  /** `clock` must be that of every policy, now and later, that has one. */
  constructor(current: Pipeline<unknown>, clock: Clock) {
    this.name = current.name;
    this.clock = clock;
    this.current = current;
  }

  get policies(): readonly Policy<unknown>[] {
    return this.current.policies;
  }

  get calls(): CallCounts {
    return [this.current, ...this.retired].map(({ calls }) => calls).reduce(sum, this.finished); // (3)
  }

  get layer(): Layer {
    return layerOfStages(this.stagesUnder([]));
  }

  /** The stages are fused with what is inside when they are first needed there, and again after each switch. */
  stagesUnder(taps: readonly PlacedTap[]): StageLayer {
    return (inner) =>
      new SwitchedStage(
        () => this.current,
        (current) => stagesUnder(current, taps)(inner),
      );
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<unknown> {
    return this.current.execute(operation, context); // (1)
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<unknown> {
    return wrap<unknown, This, Arguments, T>(this, fn);
  }

  meterWith(meter: CallMeter): AttachedMeter {
    const own = {};
    this.meters.set(own, { meter, attached: this.current.meterWith(meter) });
    return {
      renew: () => this.meters.get(own)?.attached.renew(),
      detach: () => {
        this.meters.get(own)?.attached.detach();
        this.meters.delete(own);
      },
    };
  }

  tapWith(tap: PipelineTap): () => void {
    const own = {};
    this.taps.set(own, { tap, remove: this.current.tapWith(tap) });
    return () => {
      this.taps.get(own)?.remove();
      this.taps.delete(own);
    };
  }

  /** Exchanges the policies. Never throws. */
  switchTo(next: Pipeline<unknown>): void {
    for (const entry of this.taps.values()) {
      entry.remove();
      entry.remove = next.tapWith(entry.tap);
    }
    for (const entry of this.meters.values()) {
      entry.attached.detach();
      entry.attached = next.meterWith(entry.meter);
    }
    const [idle, busy] = partition([this.current, ...this.retired], ({ calls }) => calls.running === 0);
    this.finished = idle.map(({ calls }) => calls).reduce(sum, this.finished);
    this.retired = busy;
    this.current = next;
  }
}

// --- internal ---

/** The stage of the policies of now. */
class SwitchedStage implements Stage {
  readonly policyOfNow: () => Pipeline<unknown>;
  readonly fuse: (policy: Pipeline<unknown>) => Stage;
  private fused: Pipeline<unknown>;
  private stage: Stage;

  constructor(policyOfNow: () => Pipeline<unknown>, fuse: (policy: Pipeline<unknown>) => Stage) {
    this.policyOfNow = policyOfNow;
    this.fuse = fuse;
    this.fused = policyOfNow();
    this.stage = fuse(this.fused);
  }

  handle(operation: Operation, context: Context, sink: Sink, now: number): void {
    const policy = this.policyOfNow();
    if (policy !== this.fused) {
      this.stage = this.fuse(policy);
      this.fused = policy; // (2)
    }
    this.stage.handle(operation, context, sink, now);
  }
}

function sum(one: CallCounts, other: CallCounts): CallCounts {
  return {
    success: one.success + other.success,
    failure: one.failure + other.failure,
    rejected: one.rejected + other.rejected,
    cancelled: one.cancelled + other.cancelled,
    running: one.running + other.running,
  };
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}
