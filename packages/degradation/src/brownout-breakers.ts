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
 *  (4) A look that throws is reported and does not end the looking; stop() does, takes everything back and leaves no timer. The
 *      first look after the features are closed ends it as well.
 *  (5) One feature has one follower by one name: two would take back, turn by turn, what the other asks for.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Timer,
  ignoreRejection,
  inRange,
  isFunction,
  isName,
  oneOf,
  reportHookError,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { dependencyPressure } from './brownout-feature.ts';
import type { FeatureControl } from './feature-control.ts';
import { isText } from './override.ts';

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
  /** Who asks, in audit trails: 1 to 200 characters. Two followers of one feature need two. @defaultValue 'breakers' */
  readonly actor?: string;
  /** The shortest time for which a feature is degraded. Milliseconds, 0 to 600 000. @defaultValue 10_000 */
  readonly dwellMs?: number;
  /** Time between two looks. Milliseconds, 10 to 10 000. @defaultValue 500 */
  readonly sampleMs?: number;
  /** Source of time; by default the platform's. */
  readonly clock?: Clock;
}

/** Every default of {@link followBreakers}, in one place. */
export const followBreakersDefaults: {
  readonly actor: string;
  readonly dwellMs: number;
  readonly sampleMs: number;
  readonly clock: Clock;
} = Object.freeze({ actor: 'breakers', dwellMs: 10_000, sampleMs: 500, clock: systemClock });

/**
 * Looks at circuits every `sampleMs`, at once for the first time, and degrades the features that depend on open ones. Returns
 * a function that ends it.
 *
 * @throws ConfigError when an option is out of range, a mode is none of its feature, or another follower of that name follows one
 *   of the features.
 * @throws TypeError when there is no such option, of this or of a feature.
 * @throws FeatureError when the catalogue has no such feature.
 */
export function followBreakers(
  control: FeatureControl & { readonly isClosed?: boolean },
  options: FollowBreakersOptions,
): () => void {
  const resolved = withKnown('followBreakers', followBreakersDefaults, options, ['features', 'stateOf']);
  const { actor, clock, dwellMs, sampleMs, stateOf } = resolved;
  isFunction('followBreakers.stateOf', stateOf);
  if (!isText(actor, 200)) throw new ConfigError('followBreakers.actor', 'one line of 1 to 200 characters', actor);
  inRange('followBreakers.dwellMs', dwellMs, [0, 600_000]);
  inRange('followBreakers.sampleMs', sampleMs, [10, 10_000]);
  const features = dependenciesOf(control, resolved.features);
  claim(control, actor, features);
  const follower = new BreakerFollower(control, { actor, clock, dwellMs, sampleMs, stateOf, features });
  follower.look();
  return () => follower.stop();
}

// --- internal ---

/** Features by any name, and whether they are closed, where that is known. */
type Control = FeatureControl & { readonly isClosed?: boolean };

/** A dependency, checked. */
interface Dependency extends BreakerDependency {
  readonly name: string;
  /** Its circuits, for people. */
  readonly circuits: string;
}

interface Resolved extends Required<Omit<FollowBreakersOptions, 'features'>> {
  readonly features: readonly Dependency[];
}

/** How long a feature stays degraded when nobody looks any more; longer than the longest time between two looks. */
const EXPIRES_IN_MS = 30_000;
/** So much of the names of circuits is in a reason, which has 500 characters. */
const MAX_CIRCUITS_LENGTH = 400;
/** What is followed by which names. */
const claims = new WeakMap<FeatureControl, Set<string>>();

class BreakerFollower {
  private readonly control: Control;
  private readonly parts: Resolved;
  private readonly degradedAt = new Map<string, number>();
  private timer: Timer | undefined = undefined;
  private isStopped = false;

  constructor(control: Control, parts: Resolved) {
    this.control = control;
    this.parts = parts;
  }

  look(): void {
    if (this.control.isClosed === true) this.stop(); // (4)
    if (this.isStopped) return;
    const now = this.parts.clock.now();
    for (const dependency of this.parts.features) this.contained(() => this.follow(dependency, now));
    if (this.isStopped) return;
    this.timer = this.parts.clock.setTimer(() => this.look(), this.parts.sampleMs);
    this.timer.unref();
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.timer?.cancel(); // (4)
    for (const { name } of this.parts.features) claims.get(this.control)?.delete(claimOf(this.parts.actor, name));
    if (this.control.isClosed === true) return; // what was asked for ends by its expiry
    for (const name of this.degradedAt.keys()) this.contained(() => this.release(name, 'nobody looks any more'));
  }

  private follow({ name, dependsOn, mode, circuits }: Dependency, now: number): void {
    const isOpen = dependencyPressure(dependsOn, (circuit) => this.stateOf(circuit)) >= 1;
    if (isOpen && !this.degradedAt.has(name)) this.degradedAt.set(name, now); // (1)
    const since = this.degradedAt.get(name);
    if (since === undefined) return;
    if (!isOpen && now - since >= this.parts.dwellMs) {
      this.release(name, `no circuit of ${circuits} is open`); // (2)
      return;
    }
    const reason = `a circuit of ${circuits} is open, or was less than ${this.parts.dwellMs} ms ago`;
    this.control.setAutomatic(name, mode, { actor: this.parts.actor, reason, expiresInMs: EXPIRES_IN_MS }); // (3)
  }

  private stateOf(circuit: string): string | undefined {
    const state: unknown = this.parts.stateOf(circuit);
    ignoreRejection(state);
    if (state instanceof Promise) throw new TypeError('stateOf must answer at once, got a promise');
    return state as string | undefined;
  }

  private release(name: string, reason: string): void {
    this.degradedAt.delete(name);
    this.control.setAutomatic(name, undefined, { actor: this.parts.actor, reason });
  }

  private contained(act: () => void): void {
    try {
      act();
    } catch (error) {
      reportHookError('followBreakers', error); // (4)
    }
  }
}

function dependenciesOf(control: FeatureControl, features: unknown): readonly Dependency[] {
  if (typeof features !== 'object' || features === null || Array.isArray(features))
    throw new ConfigError('followBreakers.features', 'an object of features', features);
  return Object.entries(features).map(([name, given]: [string, BreakerDependency]) => {
    const path = `followBreakers.features.${name}`;
    const { dependsOn, mode } = withKnown(path, {}, given, ['dependsOn', 'mode']);
    if (!Array.isArray(dependsOn)) throw new ConfigError(`${path}.dependsOn`, 'a list of names of circuits', dependsOn);
    for (const circuit of dependsOn) isName(`${path}.dependsOn`, circuit);
    oneOf(`${path}.mode`, mode, control.status(name).modes);
    return { name, dependsOn: [...dependsOn], mode, circuits: shortened(dependsOn.join(', ')) };
  });
}

/** Returns `text` as one line that fits into a reason. */
function shortened(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  return line.length <= MAX_CIRCUITS_LENGTH
    ? line
    : `${line.slice(0, MAX_CIRCUITS_LENGTH).replace(/[\uD800-\uDBFF]$/, '')}...`;
}

function claim(control: FeatureControl, actor: string, features: readonly Dependency[]): void {
  const taken = claims.get(control) ?? new Set();
  const other = features.find(({ name }) => taken.has(claimOf(actor, name)));
  if (other !== undefined)
    throw new ConfigError('followBreakers.actor', `one by which nobody else follows ${other.name}`, actor); // (5)
  for (const { name } of features) taken.add(claimOf(actor, name));
  claims.set(control, taken);
}

function claimOf(actor: string, feature: string): string {
  return JSON.stringify([actor, feature]);
}
