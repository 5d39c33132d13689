/**
 * Health: what a service answers to those who ask whether it lives, has started, and is to be sent traffic.
 *
 * The checks run at their own pace, beside those who ask: an answer is a memory read, however many ask.
 *
 * Invariants
 *  (1) An answer waits for nothing, and runs no check.
 *  (2) It never throws, whatever the circuits that were handed in do; that is reported, and counts as a warning.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type NamedPolicy,
  inRange,
  isFunction,
  isName,
  oneOf,
  reportHookError,
  systemClock,
  withKnown,
} from '@holdfast/core';

import type { LifecycleState } from '../lifecycle/lifecycle-event.ts';
import { type HealthProbe, RunningCheck } from './health-check.ts';
import { type HealthRequest, type HealthResponse, answerHealth } from './health-handler.ts';
import { openCircuitsIn } from './open-circuits.ts';
import { type CheckEffect, type HealthFacts, type Verdicts, verdictsOf } from './verdict.ts';

/** One check of a service. */
export interface HealthCheck {
  /** Asks. It gets a context that ends after `timeoutMs`. */
  readonly check: HealthProbe;
  /**
   * What its failure means: `degraded` is a warning; `ready` takes this instance out of traffic. Use `ready` only for what is
   * this instance's own, as a local file or a warm cache: what all instances share would take all of them out at once.
   * @defaultValue 'degraded'
   */
  readonly effect?: CheckEffect;
  /** Time between the end of one run and the next. Milliseconds, 10 to 3 600 000. @defaultValue 1000 */
  readonly everyMs?: number;
  /** Time that a run may take. Milliseconds, 1 to 600 000. @defaultValue 500 */
  readonly timeoutMs?: number;
}

/** Options of {@link createHealth}. Omitted ones take {@link healthDefaults}. */
export interface HealthOptions {
  /** The service whose state counts: a lifecycle. By default it counts as running. */
  readonly lifecycle?: { readonly state: LifecycleState; readonly hasStarted: boolean };
  /** Checks by name. @defaultValue {} */
  readonly checks?: Readonly<Record<string, HealthCheck>>;
  /**
   * A registry, or a list of policies: circuit breakers among them, and inside of them, that are not closed are warned of.
   * @defaultValue []
   */
  readonly circuits?: Iterable<NamedPolicy<unknown>>;
  readonly clock?: Clock;
}

/** Every default of {@link createHealth}, in one place. */
export const healthDefaults: Required<Omit<HealthOptions, 'lifecycle'>> = Object.freeze({
  checks: {},
  circuits: [],
  clock: systemClock,
});

/** All that is known of a service's health. */
export interface HealthReport extends Verdicts, HealthFacts {}

/** The health of a service. */
export interface Health {
  /** Begins to run the checks. The first question does so, too. Idempotent. */
  begin(): void;
  /** What the three probes answer, and all that it rests on. */
  report(): HealthReport;
  /**
   * From now on it is not alive, for that reason: a restart is what helps. There is no way back.
   *
   * @throws ConfigError when the reason is no text.
   */
  giveUp(reason: string): void;
  /**
   * Answers `/livez`, `/readyz`, `/startupz` and, for people, `/healthz`. Returns whether the request was one of those; if not
   * it is left alone. Serve it where only the platform and people can reach it: reasons may tell of the inside.
   */
  handle(request: HealthRequest, response: HealthResponse): boolean;
  /** Ends the checks. It goes on answering by what is known. Idempotent. */
  close(): void;
}

/**
 * Creates the health of a service.
 *
 * @throws ConfigError at creation, when an option is out of range.
 *
 * @example
 * ```ts
 * const health = createHealth({ lifecycle, circuits: registry, checks: { database: { check: () => pool.query('select 1') } } });
 * createServer((request, response) => health.handle(request, response) || response.writeHead(404).end()).listen(9090);
 * ```
 */
export function createHealth(options: HealthOptions = {}): Health {
  const { lifecycle, checks, circuits, clock } = withKnown('health', healthDefaults, options, ['lifecycle']);
  if (typeof checks !== 'object' || checks === null) throw new ConfigError('health.checks', 'checks by name', checks);
  if (typeof circuits?.[Symbol.iterator] !== 'function')
    throw new ConfigError('health.circuits', 'a registry or a list of policies', circuits);
  if (lifecycle !== undefined && typeof lifecycle?.state !== 'string')
    throw new ConfigError('health.lifecycle', 'a Lifecycle', lifecycle);
  const running = Object.entries(checks).map(([name, check]) => runningCheck(name, check, clock));
  return new ServiceHealth(running, { circuits, lifecycle: lifecycle ?? alwaysRunning });
}

// --- internal ---

const checkDefaults = { effect: 'degraded' as CheckEffect, everyMs: 1000, timeoutMs: 500 };

const alwaysRunning = { state: 'running' as LifecycleState, hasStarted: true };

function runningCheck(name: string, check: HealthCheck, clock: Clock): RunningCheck {
  const place = `health.checks.${name}`;
  const { check: probe, effect, everyMs, timeoutMs } = withKnown(place, checkDefaults, check, ['check']);
  isFunction(`${place}.check`, probe);
  oneOf(`${place}.effect`, effect, ['ready', 'degraded']);
  inRange(`${place}.everyMs`, everyMs, [10, 3_600_000]);
  inRange(`${place}.timeoutMs`, timeoutMs, [1, 600_000]);
  return new RunningCheck({ name, probe, effect, everyMs, timeoutMs, clock });
}

interface HealthSources {
  readonly lifecycle: { readonly state: LifecycleState; readonly hasStarted: boolean };
  readonly circuits: Iterable<NamedPolicy<unknown>>;
}

class ServiceHealth implements Health {
  readonly #checks: readonly RunningCheck[];
  readonly #sources: HealthSources;
  #fatal: string | undefined = undefined;
  #hasBegun = false;

  constructor(checks: readonly RunningCheck[], sources: HealthSources) {
    this.#checks = checks;
    this.#sources = sources;
  }

  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    for (const check of this.#checks) check.begin();
  }

  report(): HealthReport {
    this.begin();
    const { state, hasStarted } = this.#sources.lifecycle;
    const facts: HealthFacts = {
      state,
      hasStarted,
      fatal: this.#fatal,
      checks: this.#checks.map((check) => check.fact()),
      openCircuits: openCircuits(this.#sources.circuits),
    };
    return { ...verdictsOf(facts), ...facts };
  }

  giveUp(reason: string): void {
    isName('health.giveUp reason', reason);
    this.#fatal ??= reason;
  }

  handle(request: HealthRequest, response: HealthResponse): boolean {
    return answerHealth(request, response, () => this.report());
  }

  close(): void {
    this.#hasBegun = true;
    for (const check of this.#checks) check.close();
  }
}

/** Names of the circuit breakers that are not closed. */
function openCircuits(policies: Iterable<NamedPolicy<unknown>>): string[] {
  try {
    return openCircuitsIn(policies);
  } catch (error) {
    reportHookError('circuits', error, 'health'); // (2)
    return ['(unknown)'];
  }
}
