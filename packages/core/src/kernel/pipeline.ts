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
 *
 * @module
 */

import { isCancelled } from './cancellation.ts';
import { type Clock, UNREAD } from './clock.ts';
import type { Context } from './context.ts';
import { isRejection } from './errors.ts';
import { ConfigError, isName, withDefaults } from './options.ts';
import {
  type Handler,
  type Layer,
  type LayeredPolicy,
  type Policy,
  type Sink,
  createPolicy,
  layerOf,
} from './policy.ts';

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
}

/** What a list of policies may give in place of the operation's value. */
export type SubstituteOf<P extends readonly Policy<unknown>[]> = P[number] extends infer Each
  ? Each extends Policy<infer F>
    ? F
    : never
  : never;

/**
 * Composes policies into one. The first is the outermost: it sees the call first and its outcome last.
 *
 * @throws TypeError at creation, when an argument is no policy.
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
  const hasOptions = first !== undefined && !isPolicy(first);
  const { name } = withDefaults('pipeline', pipelineDefaults, hasOptions ? first : {});
  isName('pipeline.name', name);
  const policies = (hasOptions ? args.slice(1) : args) as readonly Policy<unknown>[];
  for (const [index, policy] of policies.entries()) requirePolicy(policy, index);
  const counts = { success: 0, failure: 0, rejected: 0, cancelled: 0, running: 0 };
  const layer = compose(policies, counts);
  const policy = createPolicy<unknown>({ kind: 'pipeline', name, layer, clock: undefined });
  return Object.assign(policy, { policies: Object.freeze([...policies]), calls: counts });
}

// --- internal ---

type MutableCounts = { -readonly [K in keyof CallCounts]: number };

function compose(policies: readonly Policy<unknown>[], counts: MutableCounts): Layer {
  return (innermost) => {
    let handler = innermost;
    let clock: Clock | undefined;
    for (const policy of policies.toReversed()) {
      const own = (policy as Partial<LayeredPolicy>).clock;
      if (clock !== undefined && own !== clock) handler = forgetTime(handler); // (4)
      handler = layerOf(policy)(handler);
      clock = own ?? clock;
    }
    return countCalls(handler, counts);
  };
}

/** A border between layers on different clocks. */
function forgetTime(inner: Handler): Handler {
  return (operation, context, sink) => inner(operation, context, new ForgetfulSink(sink), UNREAD);
}

function countCalls(inner: Handler, counts: MutableCounts): Handler {
  return (operation, context, sink, now) => {
    counts.running++;
    inner(operation, context, new CountedCall(counts, context, sink), now);
  };
}

class ForgetfulSink implements Sink {
  readonly sink: Sink;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  resolve(value: unknown): void {
    this.sink.resolve(value, UNREAD);
  }

  reject(error: unknown): void {
    this.sink.reject(error, UNREAD);
  }
}

class CountedCall implements Sink {
  readonly counts: MutableCounts;
  readonly context: Context;
  readonly sink: Sink;

  constructor(counts: MutableCounts, context: Context, sink: Sink) {
    this.counts = counts;
    this.context = context;
    this.sink = sink;
  }

  resolve(value: unknown, now: number): void {
    this.counts.running--;
    this.counts.success++; // (3)
    this.sink.resolve(value, now);
  }

  reject(error: unknown, now: number): void {
    this.counts.running--;
    if (isRejection(error)) this.counts.rejected++;
    else if (isCancelled(error) || (this.context.cancelled && error === this.context.cause)) this.counts.cancelled++;
    else this.counts.failure++;
    this.sink.reject(error, now);
  }
}

function isPolicy(value: PipelineOptions | Policy<unknown>): value is Policy<unknown> {
  return typeof (value as Partial<Policy>).execute === 'function';
}

function requirePolicy(policy: unknown, index: number): void {
  if (typeof policy === 'object' && policy !== null && isPolicy(policy as Policy<unknown>)) return;
  throw new ConfigError(`pipeline[${index}]`, 'a policy', policy);
}
