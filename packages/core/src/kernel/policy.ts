/**
 * Policy: the engine. Policies are layers around an operation; a call goes inward through their handlers and its outcome
 * comes back outward through their sinks. One promise is made, at the outside.
 *
 *   execute ─► layer ─► layer ─► invoke ─► operation(context)
 *      ▲         │ sink    │ sink    │          │ value, error, or the context's end,
 *      └ promise ┴─────────┴─────────┴──────────┘ whichever comes first
 *
 * A layer's state for one call is one small object that is also the sink it passes inward.
 *
 * Invariants
 *  (1) A handler reports to its sink exactly once. Sinks and handlers never throw.
 *  (2) The call settles when its context ends, also if the operation does not; what the operation does later is dropped.
 *  (3) Nothing starts under a context that has ended.
 *  (4) The operation's value and error come back by identity.
 *  (5) The clock is read at most once going in and once coming out, and only by a layer that needs it.
 *
 * @module
 */

import type { CallMeters } from './call-meter.ts';
import { type Clock, UNREAD } from './clock.ts';
import { type Context, background, isContext, scopeOf } from './context.ts';
import { type Handler, type Layer, type Operation, type Sink, invoke } from './handler.ts';
import { Root, type Settle, type Tally } from './root-sink.ts';
import { type Stage, type StageLayer, handlerOf, invocation, layerOfStages, stageOf, stagesOfLayer } from './stage.ts';

/**
 * What wraps operations. `F` is what the policy may give in place of the operation's value, as a fallback does.
 *
 * An object of your own with `execute` is a policy as well, and composes with the built-in ones in any order.
 */
export interface Policy<F = never> {
  /** Carries the type of what may stand in for the operation's value; never present. */
  readonly substituteType?: F;
  /**
   * Runs `operation` under this policy. The promise settles with the operation's value or error, unchanged, with an error
   * of the policy, or with `context.cause` when the context ends first.
   */
  execute<T>(operation: Operation<T>, context?: Context): Promise<T | F>;
}

/** A policy made by this library. */
export interface NamedPolicy<F = never> extends Policy<F> {
  /** Slug of the policy's kind: `retry`, `circuit-breaker`, ... */
  readonly kind: string;
  /** Name of this policy in errors, events and metrics. */
  readonly name: string;
  /**
   * Returns a function that runs `fn` under this policy, with the same `this` and arguments. If its first argument is a
   * {@link Context}, that context governs the call and `fn` gets the policy's own in its place.
   */
  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T | F>;
}

/** A policy that can be fused with others. */
export interface LayeredPolicy<F = never> extends NamedPolicy<F> {
  /** For composition; not for calling. */
  readonly layer: Layer;
  /** The clock that the layer's instants are of; undefined where it needs none. */
  readonly clock: Clock | undefined;
}

/** A policy of ours whose layer is made of stages as well. */
interface StagedPolicy extends LayeredPolicy {
  readonly stages: StageLayer;
}

/** What {@link execute} runs an operation through. All are of one shape, whatever the policies are that have them. */
export class Runner {
  readonly stage: Stage;
  /** The clock of the stage's instants; undefined where it needs none. */
  readonly clock: Clock | undefined;
  /** Counts the calls, where there is one. */
  readonly tally: Tally | undefined;

  constructor(stage: Stage, clock: Clock | undefined, tally?: Tally) {
    this.stage = stage;
    this.clock = clock;
    this.tally = tally;
  }
}

/** Runs `operation` through the handler of `runner` and promises its outcome. */
export function execute<T>(runner: Runner, operation: Operation<T>, context: Context = background): Promise<T> {
  if (typeof operation !== 'function' || (context !== background && !isContext(context)))
    return refuseMisuse(operation);
  const { stage, tally } = runner;
  let settleResolve!: Settle;
  let settleReject!: Settle;
  const promise = new Promise((resolve, reject) => {
    settleResolve = resolve;
    settleReject = reject;
  });
  const root = new Root(settleResolve, settleReject, context, tally);
  let now = UNREAD;
  if (tally !== undefined) {
    tally.start();
    if (tally.meters !== undefined) now = measure(tally.meters, runner, root);
  }
  if (context === background) stage.handle(operation, context, root, now);
  else startUnder(context, runner, { operation, root, now });
  root.returned = true;
  return promise as Promise<T>;
}

/** Returns `fn` under `policy`, as {@link NamedPolicy.wrap} describes. */
export function wrap<F, This, Arguments extends unknown[], T>(
  policy: Policy<F>,
  fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
): (this: This, ...args: Arguments) => Promise<T | F> {
  if (typeof fn !== 'function') throw new TypeError('wrap needs a function');
  const wrapped = function (this: This, ...args: Arguments): Promise<T | F> {
    const [first] = args as unknown[];
    if (!isContext(first)) return policy.execute<T>(() => fn.apply(this, args));
    return policy.execute<T>((context) => fn.apply(this, [context, ...args.slice(1)] as unknown as Arguments), first);
  };
  Object.defineProperty(wrapped, 'name', { value: fn.name, configurable: true });
  Object.defineProperty(wrapped, 'length', { value: fn.length, configurable: true });
  return wrapped;
}

/** Returns the layer of any policy: its own, or one that calls its `execute`. */
export function layerOf(policy: Policy<unknown>): Layer {
  const { layer } = policy as Partial<LayeredPolicy<unknown>>;
  return layer ?? ((inner) => adapt(policy, inner));
}

/** Returns what makes the stages of any policy: its own, or that of its layer. */
export function stagesOf(policy: Policy<unknown>): StageLayer {
  return (policy as Partial<StagedPolicy>).stages ?? stagesOfLayer(layerOf(policy));
}

/** What {@link createPolicy} makes a policy of. */
export interface PolicyParts {
  readonly kind: string;
  readonly name: string;
  readonly layer: Layer;
  readonly clock?: Clock | undefined;
}

/** Makes a policy that has nothing to offer beyond running operations. */
export function createPolicy<F = never>(parts: PolicyParts): LayeredPolicy<F> {
  return new PlainPolicy<F>(parts, stagesOfLayer(parts.layer));
}

/** The same for a policy that stands in the way of most calls, of what makes its stages. */
export function createStagedPolicy<F = never>(
  parts: Omit<PolicyParts, 'layer'> & { readonly stages: StageLayer },
): LayeredPolicy<F> {
  return new PlainPolicy<F>({ ...parts, layer: layerOfStages(parts.stages) }, parts.stages);
}

// --- internal ---

class PlainPolicy<F> implements LayeredPolicy<F> {
  readonly kind: string;
  readonly name: string;
  readonly layer: Layer;
  readonly stages: StageLayer;
  readonly clock: Clock | undefined;
  readonly runner: Runner;

  constructor({ kind, name, layer, clock }: PolicyParts, stages: StageLayer) {
    this.kind = kind;
    this.name = name;
    this.layer = layer;
    this.stages = stages;
    this.clock = clock;
    this.runner = new Runner(stages(invocation), clock);
  }

  get handler(): Handler {
    return handlerOf(this.runner.stage);
  }

  execute<T>(operation: Operation<T>, context?: Context): Promise<T | F> {
    return execute(this.runner, operation, context);
  }

  wrap<This, Arguments extends unknown[], T>(
    fn: (this: This, ...args: Arguments) => T | PromiseLike<T>,
  ): (this: This, ...args: Arguments) => Promise<T | F> {
    return wrap<F, This, Arguments, T>(this, fn);
  }
}

function refuseMisuse(operation: unknown): Promise<never> {
  const isFunction = typeof operation === 'function';
  const what = isFunction ? 'a Context; make one of a signal with Context.from(signal)' : 'a function to run';
  return Promise.reject(new TypeError(`execute needs ${what}`));
}

interface Starting {
  readonly operation: Operation;
  readonly root: Root;
  /** The instant, where it has been read. */
  readonly now: number;
}

/** Starts a call under a context that may end. The look at the clock that this takes serves the layers, too. */
function startUnder(context: Context, { stage, clock }: Runner, { operation, root, now: readAt }: Starting): void {
  const scope = scopeOf(context);
  const looks = scope.deadline !== Infinity && scope.clock === clock;
  const now = looks && readAt === UNREAD ? clock.now() : readAt;
  if (looks ? scope.hasEndedBy(now) : scope.ended) root.refuse(scope.cause, now); // (3)
  else stage.handle(operation, context, root, now);
}

/** Has a call measured, if it is its turn. Returns the instant for the layers, where it was read and is of their clock. */
function measure(meters: CallMeters, { clock }: Runner, root: Root): number {
  const callCount = meters.take();
  if (callCount === 0) return UNREAD;
  const now = meters.clock.now();
  root.metered = meters.begin(callCount, now);
  return clock === undefined ? UNREAD : now;
}

/** Makes a handler of a policy that has only `execute`. */
function adapt(policy: Policy<unknown>, inner: Handler): Handler {
  const runner = new Runner(stageOf(inner), undefined);
  return (operation, context, sink) => {
    const call = new AdaptedCall(sink);
    const noted: Operation = (own) => {
      call.hasRun = true;
      return operation(own);
    };
    const run: Operation = (own) => execute(runner, noted, isContext(own) ? own : context);
    invoke(() => policy.execute(run, context), context, call, UNREAD);
  };
}

/** One call through somebody else's policy: promises do not tell whether the operation was run, so it is noted. */
class AdaptedCall implements Sink {
  readonly sink: Sink;
  hasRun = false;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    if (this.hasRun) this.sink.reject(error, now);
    else this.sink.refuse(error, now);
  }

  refuse(error: unknown, now: number): void {
    this.sink.refuse(error, now);
  }
}
