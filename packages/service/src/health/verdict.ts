/**
 * Verdict: what the three probes of a service answer, from what is known of it. Pure: facts in, verdicts out.
 *
 *   live    a restart would not help         fails only when the process has given itself up
 *   start   it has been ready once           fails until then
 *   ready   send traffic here                fails while it starts or stops, and while a check that it rests on fails
 *
 * What others can break (an open circuit, a check of something shared, a high load) is a warning, never a failure: if it took
 * instances away, one outage would take all of them, and with fewer instances the load of each would rise.
 *
 * Invariants
 *  (1) An open circuit, or a failing check that only degrades, never makes a probe fail.
 *  (2) While the service stops it is live, started and not ready.
 *  (3) A check that has not been run yet counts as failed for readiness, and as a warning otherwise.
 *
 * @module
 */

import type { LifecycleState } from '../lifecycle/lifecycle-event.ts';

/** As in the draft for health check responses: `pass`; `warn`: it works, with something amiss; `fail`. */
export type HealthStatus = 'pass' | 'warn' | 'fail';

/** What a failing check means: `ready`: send no traffic here; `degraded`: it goes on with less. */
export type CheckEffect = 'ready' | 'degraded';

/** What is known of one check. */
export interface CheckFact {
  readonly name: string;
  readonly effect: CheckEffect;
  /** `unknown` until it was run once. */
  readonly result: 'pass' | 'warn' | 'fail' | 'unknown';
  /** Why, if it did not pass. */
  readonly reason: string | undefined;
  /** Milliseconds since that was found out; undefined until then. */
  readonly ageMs: number | undefined;
}

/** What is known of the service. */
export interface HealthFacts {
  readonly state: LifecycleState;
  /** Whether it was running at some time. */
  readonly hasStarted: boolean;
  /** Why the process has given itself up; undefined while it has not. */
  readonly fatal: string | undefined;
  readonly checks: readonly CheckFact[];
  /** Names of circuits that are not closed. */
  readonly openCircuits: readonly string[];
}

/** What one probe answers. */
export interface Verdict {
  readonly status: HealthStatus;
  /** Why it is not `pass`, each in a few words. Empty where it is. */
  readonly reasons: readonly string[];
}

/** The three verdicts. */
export interface Verdicts {
  readonly live: Verdict;
  readonly ready: Verdict;
  readonly start: Verdict;
}

/** Judges. */
export function verdictsOf(facts: HealthFacts): Verdicts {
  return { live: liveVerdict(facts), ready: readyVerdict(facts), start: startVerdict(facts) };
}

// --- internal ---

function liveVerdict({ fatal }: HealthFacts): Verdict {
  return verdict(fatal === undefined ? [] : [fatal], []); // (2)
}

function startVerdict({ hasStarted, state }: HealthFacts): Verdict {
  return verdict(hasStarted ? [] : [`the service is ${state}`], []);
}

function readyVerdict({ state, fatal, checks, openCircuits }: HealthFacts): Verdict {
  const failures = [
    ...(state === 'running' ? [] : [`the service is ${state}`]),
    ...(fatal === undefined ? [] : [fatal]),
    ...checks.filter((check) => check.effect === 'ready' && isFailing(check)).map(textOf), // (3)
  ];
  const warnings = [
    ...checks.filter((check) => check.result !== 'pass' && !(check.effect === 'ready' && isFailing(check))).map(textOf),
    ...openCircuits.map((name) => `the circuit ${name} is not closed`), // (1)
  ];
  return verdict(failures, warnings);
}

function isFailing({ result }: CheckFact): boolean {
  return result === 'fail' || result === 'unknown';
}

function textOf({ name, result, reason }: CheckFact): string {
  return result === 'unknown' ? `${name} has not been checked yet` : `${name}: ${reason ?? result}`;
}

function verdict(failures: readonly string[], warnings: readonly string[]): Verdict {
  const status = failures.length > 0 ? 'fail' : warnings.length > 0 ? 'warn' : 'pass';
  return { status, reasons: [...failures, ...warnings] };
}
