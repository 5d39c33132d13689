/**
 * Chaos: makes calls slow, wrong or fail on purpose, to see whether what is around them copes.
 *
 * Use it to rehearse a bad day: in tests, in staging, for one tenant in production. Do not use it where a test can say
 * directly what the dependency does. It stands innermost, where the dependency is, and is off until it is switched on.
 *
 *   call ─► injection ─► injection ─► ... ─► operation
 *             │ fault: error   │ latency, behaviour: later
 *             └ outcome: value └─ each for a share of the calls aimed at, until a stop condition holds
 *
 * Invariants
 *  (1) Off, it is not there: no draw, no count, no look at the clock.
 *  (2) An injection is made for the share `callRatio` of the calls that it aims at, as the random source says, and for none
 *      of the others.
 *  (3) Every call that is not failed or answered by an injection runs the operation once; values and errors by identity.
 *  (4) Observing, every call runs as if it were not there, and the same injections are counted that would have been made.
 *  (5) An update keeps the counters; a refused one changes nothing; switching off lets delayed calls go at once.
 *
 * @module
 */

import { type Clock, systemClock } from '../../kernel/clock.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import {
  type OptionRule,
  type OptionRules,
  anyFunction,
  checkOptions,
  either,
  integerFrom,
  nonEmptyString,
  numberFrom,
  oneOfStrings,
} from '../../kernel/option-rules.ts';
import { withDefaults, withKnown } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { ChaosCall, observeCall } from './chaos-call.ts';
import { type ChaosBasis, type ChaosLimits, type ChaosSnapshot, Experiment, never } from './experiment.ts';
import {
  type ChaosInjection,
  describeInjection,
  injectionList,
  longestLatencyMs,
  resolveInjections,
} from './injection.ts';

export { ChaosError } from './chaos-call.ts';
export {
  type ChaosInjectedEvent,
  type ChaosSnapshot,
  type ChaosStopReason,
  type ChaosStoppedEvent,
} from './experiment.ts';
export {
  type ChaosAim,
  type ChaosBehaviour,
  type ChaosFault,
  type ChaosInjection,
  type ChaosInjectionKind,
  type ChaosLatency,
  type ChaosOutcome,
  type ChaosTarget,
} from './injection.ts';

/** Options of {@link chaos}. Omitted ones take {@link chaosDefaults}. */
export interface ChaosOptions<F = never> extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'chaos' */
  readonly name?: string;
  /** What is injected: each is tried in turn, until one fails or answers the call. 1 to 20 of them. */
  readonly injections: readonly ChaosInjection<F>[];
  /** Injections after which a run stops. Integer, 1 to 1 000 000 000, or Infinity. @defaultValue Infinity */
  readonly maxInjections?: number;
  /** Time after which a run stops, from when it began. Milliseconds, 1 to Infinity. @defaultValue Infinity */
  readonly forMs?: number;
  /**
   * Whether to stop the run, and to let go of the calls that are being delayed. Asked before each injection; synchronous. By
   * default it never does. If it throws, that is reported and the run stops.
   */
  readonly stopWhen?: (snapshot: ChaosSnapshot) => boolean;
  /**
   * `enforce` disturbs calls; `observe` counts the injections that it would make; `off` does nothing. Each change begins a
   * new run. @defaultValue 'off'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Chaos.update} may change. */
export type ChaosChanges<F = never> = Partial<
  Pick<ChaosOptions<F>, 'injections' | 'maxInjections' | 'forMs' | 'stopWhen' | 'enforcement'>
>;

/** Every default of {@link chaos}, in one place. */
export const chaosDefaults: {
  readonly name: string;
  readonly maxInjections: number;
  readonly forMs: number;
  readonly stopWhen: (snapshot: ChaosSnapshot) => boolean;
  readonly enforcement: Enforcement;
  readonly clock: Clock;
  readonly random: Random;
} = Object.freeze({
  name: 'chaos',
  maxInjections: Infinity,
  forMs: Infinity,
  stopWhen: never,
  enforcement: 'off',
  clock: systemClock,
  random: systemRandom,
});

const noLimit: OptionRule = Object.freeze({
  expectation: 'Infinity',
  accepts: (value: unknown) => value === Infinity,
  schema: undefined,
});

/** What the options of {@link chaos} may be. */
export const chaosRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  injections: injectionList,
  maxInjections: either(integerFrom(1, 1_000_000_000), noLimit),
  forMs: numberFrom(1, Infinity),
  stopWhen: anyFunction,
  enforcement: oneOfStrings(...enforcements),
});

/** A chaos policy. */
export interface Chaos<F = never> extends LayeredPolicy<F>, Updatable<ChaosChanges<F>>, Describable {
  /** What it knows now. */
  snapshot(): ChaosSnapshot;
}

/**
 * Creates a chaos policy. Its limits and counters are shared by all calls through this instance.
 *
 * @throws ConfigError at creation and from update, when an option is out of range.
 * @throws ChaosError from execute, or what `makeError` made, when a fault was injected.
 * @throws `context.cause` from execute, when the context ended during an injection.
 * @throws the operation's error from execute, unchanged.
 *
 * @example
 * ```ts
 * const storm = chaos({ injections: [{ kind: 'latency', callRatio: 0.1, latencyMs: [200, 2000] }] });
 * ```
 */
export function chaos<F = never>(options: ChaosOptions<F>): Chaos<F> {
  const { basis, limits } = resolve(options);
  const experiment = new Experiment(basis, limits);
  const { name, clock } = basis;
  const policy = createPolicy<F>({ kind: 'chaos', name, clock, layer: (inner) => disturb(experiment, inner) });
  const changing = updatable({
    name,
    resolve: (changes: ChaosChanges<F>) => changed(name, experiment.limits, changes),
    apply: (next) => experiment.change(next), // (5)
  });
  return Object.assign(policy, changing, {
    snapshot: () => experiment.snapshot(),
    describe: () => describe(name, experiment.limits),
  });
}

/** The kind of policy that {@link chaos} makes, for configuration. */
export const chaosKind: PolicyKind = Object.freeze({
  kind: 'chaos',
  rules: chaosRules,
  required: Object.freeze(['injections']),
  defaults: chaosDefaults,
  create: chaos,
});

// --- internal ---

function disturb(experiment: Experiment, inner: Handler): Handler {
  return (operation, context, sink, now) => {
    const { enforcement } = experiment.limits;
    if (enforcement === 'enforce') {
      new ChaosCall(experiment, { inner, operation, context, sink }).proceed(now);
      return;
    }
    if (enforcement === 'observe') observeCall(experiment, context, now); // (4)
    inner(operation, context, sink, now); // (1)
  };
}

function resolve(options: ChaosOptions<unknown>): { readonly basis: ChaosBasis; readonly limits: ChaosLimits } {
  const resolved = withDefaults('chaos', chaosDefaults, options, ['injections']);
  checkOptions('chaos', chaosRules, resolved);
  const { name, maxInjections, forMs, stopWhen, enforcement, clock, random, events = silence } = resolved;
  const { captureAsyncContext } = resolved;
  const injections = resolveInjections('chaos.injections', resolved.injections);
  return {
    basis: { name, clock, random, events, captureAsyncContext },
    limits: { injections, maxInjections, forMs, stopWhen, enforcement },
  };
}

function changed(name: string, limits: ChaosLimits, changes: ChaosChanges<unknown>): ChaosLimits {
  const { injections: kept, maxInjections, forMs, stopWhen, enforcement } = limits;
  const next = withKnown('chaos.update', { injections: kept, maxInjections, forMs, stopWhen, enforcement }, changes);
  checkOptions('chaos', chaosRules, { name, ...next });
  const injections =
    changes.injections === undefined ? kept : resolveInjections('chaos.injections', changes.injections);
  return {
    injections,
    maxInjections: next.maxInjections,
    forMs: next.forMs,
    stopWhen: next.stopWhen,
    enforcement: next.enforcement,
  };
}

function describe(name: string, { injections, enforcement, ...limits }: ChaosLimits): PolicyDescription {
  const { maxInjections, forMs, stopWhen } = limits;
  const isOn = enforcement === 'enforce';
  return {
    kind: 'chaos',
    name,
    enforcement,
    options: {
      injections: injections.map(describeInjection),
      maxInjections,
      forMs,
      ...(stopWhen !== never && { stopWhen: '[function]' }),
    },
    traits: {
      maxWaitMs: isOn ? injections.reduce((sum, injection) => sum + longestLatencyMs(injection), 0) : 0,
      hidesFailures: isOn && injections.some(({ kind }) => kind === 'outcome'),
    },
  };
}
