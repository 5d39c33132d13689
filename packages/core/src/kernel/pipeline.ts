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
 *      they were. Nothing is kept of one that was taken away; where it is part of another, as soon as the next call comes.
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
import { type LayeredPolicy, type Policy, Runner, execute, wrap } from './policy.ts';
import { CountingStage, ForgetfulStage } from './pipeline-stages.ts';
import {
  NO_TAPS,
  type PipelineTap,
  type PlacedTap,
  type TapHolder,
  TapSwitch,
  type TappablePart,
  attachTap,
  stagesUnder,
  tapped,
  tapsWithin,
} from './pipeline-tap.ts';
import type { Tally } from './root-sink.ts';
import { type Stage, type StageLayer, invocation, layerOfStages } from './stage.ts';
import { TapRunner } from './tap-runner.ts';

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
  /**
   * Has `tap` put layers between the policies, for calls that start from now on. Returns what takes them out again. It is heard
   * wherever the pipeline is called, also as part of another.
   *
   * @throws TypeError when it is no tap.
   */
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

class FusedPipeline<F> implements Pipeline<F>, TappablePart, TapHolder {
  readonly kind = 'pipeline';
  readonly name: string;
  readonly policies: readonly Policy<unknown>[];
  readonly clock: Clock | undefined;
  readonly tally: CallTally = new CallTally();
  taps: readonly PipelineTap[] = NO_TAPS;
  private readonly runner: Runner;
  /** With the layers of taps, while there are some. */
  tapped: TapRunner | undefined = undefined;

  constructor(name: string, policies: readonly Policy<unknown>[]) {
    this.name = name;
    this.policies = policies;
    this.clock = policies.map(clockOf).find((clock) => clock !== undefined);
    this.runner = new Runner(fuse(this, [], invocation), this.clock, this.tally);
  }

  get stages(): StageLayer {
    return this.stagesUnder([]);
  }

  stagesUnder(taps: readonly PlacedTap[]): StageLayer {
    return (inner) => new CountingStage(new TapSwitch(this, (all) => fuse(this, all, inner), taps), this.tally);
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
    return attachTap(this, tap); // (5)
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T | F> {
    return execute(this.taps === NO_TAPS ? this.runner : this.runnerOfNow(), operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T | F> {
    return wrap<F, This, Arguments, T>(this, fn);
  }

  private runnerOfNow(): Runner {
    this.tapped ??= new TapRunner(this, this.runner, (taps) => fuse(this, taps, invocation));
    return this.tapped.now();
  }
}

/** Fuses the policies of a pipeline around what is inside, with the layers of taps between them. */
function fuse(within: Pipeline<unknown>, taps: readonly PlacedTap[], innermost: Stage): Stage {
  const { policies } = within;
  const ofParts = tapsWithin(taps, { within });
  const clocks = new Set(policies.map(clockOf).filter((clock) => clock !== undefined));
  let stage = clocks.size > 1 ? new ForgetfulStage(innermost) : innermost; // (4): outside, we count as one clock
  let clock: Clock | undefined;
  let inner: Policy<unknown> | undefined;
  for (const policy of policies.toReversed()) {
    const own = clockOf(policy);
    stage = tapped(stage, taps, { outer: policy, inner, within });
    if (clock !== undefined && own !== undefined && own !== clock) stage = new ForgetfulStage(stage); // (4)
    stage = stagesUnder(policy, ofParts)(stage);
    clock = own ?? clock;
    inner = policy;
  }
  return tapped(stage, taps, { outer: undefined, inner, within });
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
