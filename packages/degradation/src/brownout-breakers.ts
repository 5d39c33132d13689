/**
 * Brownout by breakers: features that depend on a circuit are degraded while it is open, and no others.
 *
 * While a circuit is half-open its features are at their best: the breaker itself lets few calls through as probes and refuses
 * the rest, for which a ladder has the next mode. Degraded features would send no probes, and the circuit would never close.
 *
 * Invariants
 *  (1) A feature is degraded at the first look at which a circuit is open that it depends on.
 *  (2) It stays degraded for `dwellMs` at least, and goes back at the first look after that at which none is open.
 *  (3) It asks again at each look, so that features go back by themselves when nobody looks any more.
 *  (4) A look that throws is reported and does not end the looking; stop() does, takes everything back and leaves no timer.
 *
 * @module
 */

import { type Clock, type Timer, inRange, isFunction, reportHookError, systemClock, withKnown } from '@holdfast/core';

import { dependencyPressure } from './brownout-feature.ts';
import type { FeatureControl } from './feature-control.ts';

/** What one feature depends on, and what it does without. */
export interface BreakerDependency {
  /** Names of the circuits. */
  readonly dependsOn: readonly string[];
  /** The mode while one of them is open. */
  readonly mode: string;
}

/** Options of {@link followBreakers}. Omitted ones take {@link followBreakersDefaults}. */
export interface FollowBreakersOptions {
  /** Features by name. */
  readonly features: Readonly<Record<string, BreakerDependency>>;
  /** Tells the state of a circuit, such as `(name) => registry.get(name)?.state`; undefined where there is none. */
  readonly stateOf: (name: string) => string | undefined;
  /** The shortest time for which a feature is degraded. Milliseconds, 0 to 600 000. @defaultValue 10_000 */
  readonly dwellMs?: number;
  /** Time between two looks. Milliseconds, 10 to 10 000. @defaultValue 500 */
  readonly sampleMs?: number;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
}

/** Every default of {@link followBreakers}, in one place. */
export const followBreakersDefaults: {
  readonly dwellMs: number;
  readonly sampleMs: number;
  readonly clock: Clock;
} = Object.freeze({ dwellMs: 10_000, sampleMs: 500, clock: systemClock });

/**
 * Looks at circuits every `sampleMs`, at once for the first time, and degrades the features that depend on open ones. Returns
 * a function that ends it.
 *
 * @throws ConfigError when an option is out of range.
 * @throws FeatureError when the catalogue has no such feature.
 */
export function followBreakers(control: FeatureControl, options: FollowBreakersOptions): () => void {
  const resolved = withKnown('followBreakers', followBreakersDefaults, options, ['features', 'stateOf']);
  isFunction('followBreakers.stateOf', resolved.stateOf);
  inRange('followBreakers.dwellMs', resolved.dwellMs, [0, 600_000]);
  inRange('followBreakers.sampleMs', resolved.sampleMs, [10, 10_000]);
  for (const name of Object.keys(resolved.features)) control.status(name);
  const follower = new BreakerFollower(control, resolved);
  follower.look();
  return () => follower.stop();
}

// --- internal ---

type Resolved = Required<FollowBreakersOptions>;

const ACTOR = 'breakers';
/** How long a feature stays degraded when nobody looks any more; longer than the longest time between two looks. */
const EXPIRES_IN_MS = 30_000;

class BreakerFollower {
  private readonly control: FeatureControl;
  private readonly parts: Resolved;
  private readonly degradedAt = new Map<string, number>();
  private timer: Timer | undefined = undefined;
  private isStopped = false;

  constructor(control: FeatureControl, parts: Resolved) {
    this.control = control;
    this.parts = parts;
  }

  look(): void {
    const now = this.parts.clock.now();
    for (const [name, dependency] of Object.entries(this.parts.features))
      this.contained(() => this.follow(name, dependency, now));
    if (this.isStopped) return;
    this.timer = this.parts.clock.setTimer(() => this.look(), this.parts.sampleMs);
    this.timer.unref();
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.timer?.cancel(); // (4)
    for (const name of this.degradedAt.keys()) this.contained(() => this.release(name, 'nobody looks any more'));
  }

  private follow(name: string, { dependsOn, mode }: BreakerDependency, now: number): void {
    const isOpen = dependencyPressure(dependsOn, this.parts.stateOf) >= 1;
    if (isOpen && !this.degradedAt.has(name)) this.degradedAt.set(name, now); // (1)
    const since = this.degradedAt.get(name);
    if (since === undefined) return;
    if (!isOpen && now - since >= this.parts.dwellMs) {
      this.release(name, `no circuit of ${dependsOn.join(', ')} is open`); // (2)
      return;
    }
    const reason = `a circuit of ${dependsOn.join(', ')} is open, or was less than ${this.parts.dwellMs} ms ago`;
    this.control.setAutomatic(name, mode, { actor: ACTOR, reason, expiresInMs: EXPIRES_IN_MS }); // (3)
  }

  private release(name: string, reason: string): void {
    this.degradedAt.delete(name);
    this.control.setAutomatic(name, undefined, { actor: ACTOR, reason });
  }

  private contained(act: () => void): void {
    try {
      act();
    } catch (error) {
      reportHookError('followBreakers', error); // (4)
    }
  }
}
