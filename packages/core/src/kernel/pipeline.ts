/**
 * Pipeline: policies composed into one, written and read outermost first.
 *
 * The layers are fused when the pipeline is made: a call makes one promise, whatever their number.
 *
 * Invariants
 *  (1) The first policy is the outermost.
 *  (2) Fusing changes nothing that can be observed: values, errors, events and statistics are those of nested `execute`.
 *  (3) `calls` counts each call once, by how it ended.
 *  (4) Layers on different clocks may be composed; an instant of one clock never reaches a layer of another.
 *  (5) A tap costs nothing where there is none: its layers are fused in while it is attached, and calls under way go on as
 *      they were.
 *
 * @module
 */

import { type AttachedMeter, type CallMeter, CallMeters, type CallOutcome } from './call-meter.ts';
import { isCancelled, isTimeout } from './cancellation.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Context } from './context.ts';
import { isRejection } from './errors.ts';
import { ConfigError, isName, withDefaults } from './options.ts';
import type { Layer, Operation } from './handler.ts';
import { type LayeredPolicy, type Policy, Runner, execute, stagesOf, wrap } from './policy.ts';
import { CountingStage, ForgetfulStage } from './pipeline-stages.ts';
import { type PipelineTap, stackOfTaps } from './pipeline-tap.ts';
import type { Tally } from './root-sink.ts';
import { type Stage, type StageLayer, invocation, layerOfStages, stagesOfLayer } from './stage.ts';

/** Options of {@link pipeline}. Omitted ones take {@link pipelineDefaults}. */
export interface PipelineOptions {
  /** Names this instance in errors, events and metrics. @defaultValue 'pipeline' */
  readonly name?: string;
}

/** Every default of {@link pipeline}, in one place. */
export const pipelineDefaults: Required<PipelineOptions> = Object.freeze({ name: 'pipeline' });

/** How many calls of a pipeline ended how, since it was created. */
export interface CallCounts {
  /** Ended with a value, that of a fallback included. */
  readonly success: number;
  /** Ended with an error of the operation or a timeout. */
  readonly failure: number;
  /** Refused by one of its policies. */
  readonly rejected: number;
  /** Ended by the caller's cancellation. */
  readonly cancelled: number;
  /** Have not ended yet. */
  readonly running: number;
}

/** A pipeline of policies. */
export interface Pipeline<F = never> extends LayeredPolicy<F> {
  /** The policies, outermost first. */
  readonly policies: readonly Policy<unknown>[];
  /** How its calls ended. */
  readonly calls: CallCounts;
  /** Has `meter` hear how long calls take that come from now on, until it is detached. */
  meterWith(meter: CallMeter): AttachedMeter;
  /** Has `tap` put layers between the policies, for calls that start from now on. Returns what takes them out again. */
  tapWith(tap: PipelineTap): () => void;
}

/** What a list of policies may give in place of the operation's value. */
export type SubstituteOf<P extends readonly Policy<unknown>[]> = P[number] extends infer Each
  ? Each extends { readonly substituteType?: infer F }
    ? unknown extends F
      ? never
      : F
    : never
  : never;

/**
 * Composes policies into one. The first is the outermost: it sees the call first and its outcome last.
 *
 * @throws ConfigError at creation, when an argument is no policy.
 *
 * @example
 * ```ts
 * const prices = pipeline(fallback({ value: 0 }), retry(), circuitBreaker(), bulkhead(20), timeout(300));
 * const price = await prices.execute((context) => fetchPrice(id, context));
 * ```
 */
export function pipeline<P extends readonly Policy<unknown>[]>(...policies: P): Pipeline<SubstituteOf<P>>;
export function pipeline<P extends readonly Policy<unknown>[]>(
  options: PipelineOptions,
  ...policies: P
): Pipeline<SubstituteOf<P>>;
export function pipeline(...args: readonly (PipelineOptions | Policy<unknown>)[]): Pipeline<unknown> {
  const [first] = args;
  const hasOptions = typeof first === 'object' && first !== null && !Array.isArray(first) && !isPolicy(first);
  const { name } = withDefaults('pipeline', pipelineDefaults, hasOptions ? first : {});
  isName('pipeline.name', name);
  const policies = (hasOptions ? args.slice(1) : args) as readonly Policy<unknown>[];
  for (const [index, policy] of policies.entries()) requirePolicy(policy, index);
  return new FusedPipeline(name, Object.freeze([...policies]));
}

// --- internal ---

/** Counts of the calls of a pipeline, and the tally that keeps them. */
class CallTally implements CallCounts, Tally {
  success = 0;
  failure = 0;
  rejected = 0;
  cancelled = 0;
  running = 0;
  meters: CallMeters | undefined = undefined;

  start(): void {
    this.running++;
  }

  resolve(): void {
    this.running--;
    this.success++; // (3)
  }

  reject(error: unknown, context: Context): CallOutcome {
    this.running--;
    const outcome = outcomeOf(error, context);
    this[outcome]++;
    return outcome;
  }
}

function outcomeOf(error: unknown, context: Context): CallOutcome {
  if (isRejection(error)) return 'rejected';
  const isOfCaller = context.endedBy === 'cancel' && error === context.cause && !isTimeout(error);
  return isCancelled(error) || isOfCaller ? 'cancelled' : 'failure';
}

class FusedPipeline<F> implements Pipeline<F> {
  readonly kind = 'pipeline';
  readonly name: string;
  readonly policies: readonly Policy<unknown>[];
  readonly clock: Clock | undefined;
  readonly tally: CallTally = new CallTally();
  private readonly fused: StageLayer;
  private runner: Runner;
  private taps: readonly PipelineTap[] = [];

  constructor(name: string, policies: readonly Policy<unknown>[]) {
    this.name = name;
    this.policies = policies;
    this.clock = policies.map(clockOf).find((clock) => clock !== undefined);
    this.fused = fuse(this, undefined);
    this.runner = new Runner(this.fused(invocation), this.clock, this.tally);
  }

  get stages(): StageLayer {
    return (inner) => new CountingStage(this.fused(inner), this.tally);
  }

  /** The stages with the layers of a tap between them, as the part of a pipeline that has it. */
  stagesUnder(tap: PipelineTap): StageLayer {
    return (inner) => new CountingStage(fuse(this, tap)(inner), this.tally);
  }

  get calls(): CallCounts {
    const { success, failure, rejected, cancelled, running } = this.tally;
    return { success, failure, rejected, cancelled, running };
  }

  get layer(): Layer {
    return layerOfStages(this.stages);
  }

  meterWith(meter: CallMeter): AttachedMeter {
    const { tally } = this;
    const meters = (tally.meters ??= new CallMeters(this.name, this.clock ?? systemClock));
    const remove = meters.add(meter);
    return {
      renew: () => meters.renew(),
      detach() {
        remove();
        if (meters.isEmpty && tally.meters === meters) tally.meters = undefined;
      },
    };
  }

  tapWith(tap: PipelineTap): () => void {
    const own: PipelineTap = { layerBetween: (outer, inner, within) => tap.layerBetween(outer, inner, within) };
    this.tapAll([...this.taps, own]);
    return () => {
      if (this.taps.includes(own)) this.tapAll(this.taps.filter((each) => each !== own));
    };
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T | F> {
    return execute(this.runner, operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T | F> {
    return wrap<F, This, Arguments, T>(this, fn);
  }

  private tapAll(taps: readonly PipelineTap[]): void {
    const fused = taps.length === 0 ? this.fused : fuse(this, stackOfTaps(taps));
    this.runner = new Runner(fused(invocation), this.clock, this.tally); // (5)
    this.taps = taps;
  }
}

/** Fuses the policies of a pipeline, with the layers of a tap between them, if any. */
function fuse(within: Pipeline<unknown>, tap: PipelineTap | undefined): StageLayer {
  const { policies } = within;
  return (innermost) => {
    const clocks = new Set(policies.map(clockOf).filter((clock) => clock !== undefined));
    let stage = clocks.size > 1 ? new ForgetfulStage(innermost) : innermost; // (4): outside, we count as one clock
    let clock: Clock | undefined;
    let inside: Policy<unknown> | undefined;
    for (const policy of policies.toReversed()) {
      const own = clockOf(policy);
      stage = tapped(stage, tap?.layerBetween(policy, inside, within));
      if (clock !== undefined && own !== undefined && own !== clock) stage = new ForgetfulStage(stage); // (4)
      stage = stagesUnder(policy, tap)(stage);
      clock = own ?? clock;
      inside = policy;
    }
    return tapped(stage, tap?.layerBetween(undefined, inside, within));
  };
}

function stagesUnder(policy: Policy<unknown>, tap: PipelineTap | undefined): StageLayer {
  return tap !== undefined && policy instanceof FusedPipeline ? policy.stagesUnder(tap) : stagesOf(policy);
}

function tapped(stage: Stage, layer: Layer | undefined): Stage {
  return layer === undefined ? stage : stagesOfLayer(layer)(stage);
}

function clockOf(policy: Policy<unknown>): Clock | undefined {
  return (policy as Partial<LayeredPolicy>).clock;
}

function isPolicy(value: object): value is Policy<unknown> {
  return typeof (value as Partial<Policy>).execute === 'function';
}

function requirePolicy(policy: unknown, index: number): void {
  if (typeof policy === 'object' && policy !== null && isPolicy(policy)) return;
  throw new ConfigError(`pipeline[${index}]`, 'a policy', policy);
}
