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

import { type Clock, UNREAD } from './clock.ts';
import { type Context, background, isContext, scopeOf } from './context.ts';
import { type Handler, type Layer, type Operation, type Sink, invoke } from './handler.ts';
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

/** Counts calls from the outside. */
export interface Tally {
  start(): void;
  resolve(): void;
  reject(error: unknown, context: Context): void;
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
  if (tally !== undefined) tally.start();
  if (context === background) stage.handle(operation, context, root, UNREAD);
  else startUnder(context, runner, operation, root);
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

type Settle = (outcome: unknown) => void;

/** Starts a call under a context that may end. The look at the clock that this takes serves the layers, too. */
function startUnder(context: Context, { stage, clock }: Runner, operation: Operation, root: Root): void {
  const scope = scopeOf(context);
  const now = scope.deadline !== Infinity && scope.clock === clock ? clock.now() : UNREAD;
  if (now === UNREAD ? scope.ended : scope.hasEndedBy(now)) root.refuse(scope.cause); // (3)
  else stage.handle(operation, context, root, now);
}

/** The outermost sink: settles the promise. */
class Root implements Sink {
  readonly settleResolve: Settle;
  readonly settleReject: Settle;
  readonly context: Context;
  readonly tally: Tally | undefined;
  /** Whether `execute` has returned, so that the caller has had its turn to look at the promise. */
  returned = false;

  constructor(resolve: Settle, reject: Settle, context: Context, tally: Tally | undefined) {
    this.settleResolve = resolve;
    this.settleReject = reject;
    this.context = context;
    this.tally = tally;
  }

  resolve(value: unknown): void {
    if (this.tally !== undefined) this.tally.resolve();
    this.settleResolve(value);
  }

  reject(error: unknown): void {
    if (this.tally !== undefined) this.tally.reject(error, this.context);
    if (this.returned) this.settleReject(error);
    else rejectSoon(this.settleReject, error);
  }

  refuse(error: unknown): void {
    this.reject(error);
  }
}

/**
 * Rejects in a microtask. A promise that is rejected before anybody could look at it costs the platform its bookkeeping of
 * unhandled rejections, several times what the refusal itself costs.
 */
function rejectSoon(reject: Settle, error: unknown): void {
  void settledPromise.then(() => reject(error));
}

const settledPromise = Promise.resolve();

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
