/**
 * Circuit breaker: stops calling a dependency that keeps failing, and lets a few probes find out when it is back.
 *
 * Use one per dependency and failure domain. Do not use one per request, nor for errors that are the caller's own fault:
 * `classify` keeps those out.
 *
 *   arrives ── closed ─────────────────────────► runs ── verdict ─► window ── ratio reached ─► opens
 *      ├────── half-open, a lease is to be had ─► probes ─ verdict ─► closes, opens, or neither
 *      └────── open, or no lease ─► refused (CircuitOpenError)
 *
 * The states and their transitions are in `circuit.ts`.
 *
 * Invariants
 *  (1) An open circuit runs no operation.
 *  (2) Every admitted call is settled exactly once, also when its context ends.
 *  (3) Rejections of ours and cancellations by the caller count neither for nor against the dependency.
 *  (4) No timer is used: the state follows from what happened and the time.
 *  (5) The operation's error comes back by identity.
 *
 * @module
 */

import { systemClock } from '../../kernel/clock.ts';
import { silence } from '../../kernel/events.ts';
import {
  ConfigError,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  withDefaults,
  withKnown,
} from '../../kernel/options.ts';
import { type Classify, classifyByError } from '../../kernel/outcome.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { ConsecutiveWindow } from '../../mechanisms/consecutive-window.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import { TimeWindow } from '../../mechanisms/time-window.ts';
import { Breaker, type BreakerSettings, type CircuitBreaker } from './breaker.ts';

export {
  type CircuitBreaker,
  CircuitOpenError,
  type CircuitRejectedEvent,
  type CircuitSnapshot,
  type CircuitTransitionEvent,
} from './breaker.ts';
export type { CircuitState, Refusal } from './circuit.ts';

/** What a breaker looks back on. */
export type CircuitWindow =
  /** The last `size` calls. Integer, 1 to 10 000. */
  | { readonly kind: 'count'; readonly size: number }
  /** The calls of the last `durationMs` milliseconds, 1 to 3 600 000, in `bucketCount` steps, 1 to 100, by default 10. */
  | { readonly kind: 'time'; readonly durationMs: number; readonly bucketCount?: number }
  /**
   * The failures since the last success; `failureCount` of them in a row open the circuit. Integer, 1 to 10 000. It takes
   * the place of `failureRatio` and `minimumCalls`, which cannot be given with it.
   */
  | { readonly kind: 'consecutive'; readonly failureCount: number };

/** Options of {@link circuitBreaker}. Omitted ones take {@link circuitBreakerDefaults}. */
export interface CircuitBreakerOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'circuit-breaker' */
  readonly name?: string;
  /** Share of failures in the window at which the circuit opens. Above 0, up to 1; 1 opens only when all fail. @defaultValue 0.5 */
  readonly failureRatio?: number;
  /** Calls that the window must hold before the ratio means anything. Integer, 1 to 10 000. @defaultValue 20 */
  readonly minimumCalls?: number;
  /** What the breaker looks back on. @defaultValue { kind: 'count', size: 100 } */
  readonly window?: CircuitWindow;
  /** Time that the circuit stays open before it lets probes through. Milliseconds, 1 to 86 400 000. @defaultValue 30_000 */
  readonly openForMs?: number;
  /** Probes of one half-open round, and how many may run at once. Integer, 1 to 1 000. @defaultValue 3 */
  readonly maxProbes?: number;
  /** Share of the probes of a round that must succeed to close the circuit. Above 0, up to 1. @defaultValue 0.5 */
  readonly probeSuccessRatio?: number;
  /**
   * Time after which a probe that has not settled gives its place to another. Milliseconds, 1 to 86 400 000.
   * @defaultValue 30_000
   */
  readonly probeLeaseMs?: number;
  /** Which outcomes count, and how. By default errors are failures; our own rejections and the caller's cancellation do not count. */
  readonly classify?: Classify;
}

/** Every default of {@link circuitBreaker}, in one place. */
export const circuitBreakerDefaults: DefaultsOf<CircuitBreakerOptions> = Object.freeze({
  name: 'circuit-breaker',
  failureRatio: 0.5,
  minimumCalls: 20,
  window: Object.freeze({ kind: 'count', size: 100 }),
  openForMs: 30_000,
  maxProbes: 3,
  probeSuccessRatio: 0.5,
  probeLeaseMs: 30_000,
  classify: classifyByError,
  clock: systemClock,
});

/**
 * Creates a circuit breaker. Its window and state are shared by all calls through this instance.
 *
 * @throws ConfigError at creation, when an option is out of range.
 * @throws CircuitOpenError from execute, when the circuit is open, or half-open with all its probes under way.
 * @throws the operation's error from execute, unchanged.
 *
 * @example
 * ```ts
 * const prices = circuitBreaker({ name: 'prices', window: { kind: 'time', durationMs: 10_000 } });
 * ```
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): CircuitBreaker {
  return new Breaker(resolve(options));
}

// --- internal ---

function resolve(options: CircuitBreakerOptions): BreakerSettings {
  const resolved = withDefaults('circuitBreaker', circuitBreakerDefaults, options);
  isName('circuitBreaker.name', resolved.name);
  isShare('circuitBreaker.failureRatio', resolved.failureRatio);
  integerInRange('circuitBreaker.minimumCalls', resolved.minimumCalls, [1, 10_000]);
  inRange('circuitBreaker.openForMs', resolved.openForMs, [1, 86_400_000]);
  integerInRange('circuitBreaker.maxProbes', resolved.maxProbes, [1, 1000]);
  isShare('circuitBreaker.probeSuccessRatio', resolved.probeSuccessRatio);
  inRange('circuitBreaker.probeLeaseMs', resolved.probeLeaseMs, [1, 86_400_000]);
  isFunction('circuitBreaker.classify', resolved.classify);
  const streak = streakOf(options); // so many calls, all of them failures: the rule in the terms of the others
  return {
    name: resolved.name,
    failureRatio: streak === undefined ? resolved.failureRatio : 1,
    minimumCalls: streak ?? resolved.minimumCalls,
    openForMs: resolved.openForMs,
    maxProbes: resolved.maxProbes,
    probeSuccessRatio: resolved.probeSuccessRatio,
    probeLeaseMs: resolved.probeLeaseMs,
    newWindow: windowFactory(resolved.window, resolved.minimumCalls),
    classify: resolved.classify,
    clock: resolved.clock,
    events: resolved.events ?? silence,
  };
}

function isShare(option: string, value: unknown): void {
  if (typeof value !== 'number' || !(value > 0 && value <= 1))
    throw new ConfigError(option, 'a number above 0, up to 1', value);
}

/** The failures in a row that open the circuit; undefined where the window is not consecutive. */
function streakOf({ window, minimumCalls, failureRatio }: CircuitBreakerOptions): number | undefined {
  if (window?.kind !== 'consecutive') return undefined;
  const { failureCount } = withKnown('circuitBreaker.window', { kind: 'consecutive', failureCount: undefined }, window);
  integerInRange('circuitBreaker.window.failureCount', failureCount, [1, 10_000]);
  for (const [name, value] of Object.entries({ minimumCalls, failureRatio })) {
    if (value !== undefined)
      throw new ConfigError(`circuitBreaker.${name}`, 'omitted with a consecutive window', value);
  }
  return failureCount;
}

/** Checks a window and returns what makes one like it. The default one's maker is shared: breakers are many. */
function windowFactory(window: CircuitWindow, minimumCalls: number): () => OutcomeWindow {
  oneOf('circuitBreaker.window.kind', window?.kind, ['count', 'time', 'consecutive']);
  if (window.kind === 'consecutive') return () => new ConsecutiveWindow();
  if (window.kind === 'count') {
    const { size } = withKnown('circuitBreaker.window', { kind: 'count', size: undefined }, window);
    integerInRange('circuitBreaker.window.size', size, [1, 10_000]);
    integerInRange('circuitBreaker.minimumCalls', minimumCalls, [1, size]); // a smaller window never holds so many
    return window === circuitBreakerDefaults.window ? newDefaultWindow : () => new CountWindow(size);
  }
  const known = { kind: 'time', durationMs: undefined, bucketCount: 10 };
  const { durationMs, bucketCount } = withKnown('circuitBreaker.window', known, window);
  inRange('circuitBreaker.window.durationMs', durationMs, [1, 3_600_000]);
  integerInRange('circuitBreaker.window.bucketCount', bucketCount, [1, 100]);
  return () => new TimeWindow(durationMs, bucketCount);
}

const newDefaultWindow = (): OutcomeWindow =>
  new CountWindow((circuitBreakerDefaults.window as { readonly size: number }).size);
