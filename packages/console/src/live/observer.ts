/**
 * Observer: notices what has changed since it last looked, and keeps the states of circuits and the level over time.
 *
 * It compares states; it does not rely on being told. So nothing is lost where nobody listened, but for what came and went
 * between two looks.
 *
 * Invariants
 *  (1) What is told twice in a row about one thing differs.
 *  (2) What is gone from the registry is forgotten.
 *
 * @module
 */

import type { NamedPolicy, PolicyDescription, Registry } from '@holdfast/core';
import type { FeatureControl, FeatureStatus } from '@holdfast/degradation';

import { type CatalogueEntry, type CircuitEntry, circuitsOf, policiesOf } from '../policies/catalogue.ts';
import type { ShownCircuits, ShownHolds } from '../policies/shown-circuits.ts';
import { Ribbon, type RibbonChange } from './ribbon.ts';
import type { Sampler } from './sampler.ts';

/** A change that was noticed. */
export interface Notice {
  readonly type: 'circuit' | 'feature' | 'level' | 'policy' | 'catalogue';
  /** The id of what changed. */
  readonly key: string;
  readonly data: unknown;
}

/** States over time. */
export interface Ribbons {
  readonly circuits: Readonly<Record<string, readonly RibbonChange[]>>;
  readonly level: readonly RibbonChange[];
}

/** Whose changes are noticed. */
export interface Observed {
  readonly registry: Registry;
  readonly degradation: FeatureControl | undefined;
  readonly circuits: Pick<ShownCircuits, 'holdsOf'>;
  readonly sampler: Sampler;
}

/** Notices changes. */
export class Observer {
  readonly #observed: Observed;
  #circuits = new Map<string, SeenCircuit>();
  #features = new Map<string, string>();
  #options = new Map<string, string>();
  #level: Ribbon | undefined = undefined;
  #catalogue: string | undefined = undefined;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  /** Looks at circuits and the level. `atMs` is the calendar time. The first look tells nothing. */
  lookAtStates(atMs: number): readonly Notice[] {
    return [...this.#lookAtCircuits(atMs), ...this.#lookAtLevel(atMs)];
  }

  /** Looks at the features. The first look tells nothing. */
  lookAtFeatures(): readonly Notice[] {
    const features = this.#observed.degradation?.list() ?? [];
    const before = this.#features;
    this.#features = new Map(features.map((feature) => [feature.name, textOf(feature)])); // (2)
    return features
      .filter(({ name }) => before.has(name) && before.get(name) !== this.#features.get(name)) // (1)
      .map((feature) => ({ type: 'feature', key: feature.name, data: feature }));
  }

  /** Looks at the options of all policies, and at which there are. The first look tells nothing. */
  lookAtOptions(): readonly Notice[] {
    const entries = policiesOf(this.#observed.registry);
    const before = this.#options;
    const notices: Notice[] = [];
    this.#options = new Map();
    for (const entry of entries) this.#lookAtPolicy(entry, before, notices);
    const catalogue = [...this.#options.keys()].join('\n');
    const isOther = this.#catalogue !== undefined && this.#catalogue !== catalogue;
    this.#catalogue = catalogue;
    return isOther ? [...notices, { type: 'catalogue', key: '', data: { policyCount: entries.length } }] : notices;
  }

  /** The states over time, of what is there now. */
  ribbons(): Ribbons {
    const circuits = Object.fromEntries([...this.#circuits].map(([id, { ribbon }]) => [id, ribbon.list()]));
    return { circuits, level: this.#level?.list() ?? [] };
  }

  #lookAtCircuits(atMs: number): readonly Notice[] {
    const before = this.#circuits;
    const notices: Notice[] = [];
    this.#circuits = new Map(); // (2)
    for (const entry of circuitsOf(this.#observed.registry)) {
      const { circuitId: id, policy } = entry;
      const state = this.#observed.sampler.read(policy, () => stateOf(entry));
      if (state === undefined) continue;
      const seen = before.get(id) ?? { ribbon: new Ribbon(atMs, state), holder: undefined };
      this.#circuits.set(id, seen);
      const data = this.#changeOf(entry, seen, { state, atMs });
      if (data !== undefined) notices.push({ type: 'circuit', key: id, data });
    }
    return notices;
  }

  /** What is to be told of a circuit; undefined where it is as before: (1). */
  #changeOf(entry: CircuitEntry, seen: SeenCircuit, { state, atMs }: StateLook): object | undefined {
    const { circuits, sampler } = this.#observed;
    const from = seen.ribbon.state;
    const isHeld = state.startsWith('forced-');
    const holds = (isHeld ? sampler.read(entry.policy, () => circuits.holdsOf(entry)) : undefined) ?? NOT_HELD;
    const holder = holderOf(holds);
    const isOfAnother = seen.holder !== undefined && seen.holder !== holder;
    seen.holder = holder;
    if (!seen.ribbon.note(atMs, state) && !isOfAnother) return undefined;
    return sampler.read(entry.policy, () => circuitData(entry, { from, holds, atMs }));
  }

  #lookAtLevel(atMs: number): readonly Notice[] {
    const { degradation } = this.#observed;
    if (degradation === undefined) return [];
    const { level, reason } = degradation.level();
    const isFirst = this.#level === undefined;
    this.#level ??= new Ribbon(atMs, String(level));
    const from = Number(this.#level.state);
    if (isFirst || !this.#level.note(atMs, String(level))) return [];
    return [{ type: 'level', key: '', data: { from, level, reason, atMs } }];
  }

  #lookAtPolicy({ id, kind, name, policy }: CatalogueEntry, before: Map<string, string>, notices: Notice[]): void {
    const target = policy as NamedPolicy<unknown> & { describe?(): PolicyDescription };
    const text = this.#observed.sampler.read(policy, () => {
      const { options = {}, enforcement } = target.describe?.() ?? {};
      return JSON.stringify({ id, kind, name, enforcement, options }); // it may hold what JSON cannot
    });
    const was = before.get(id);
    this.#options.set(id, text ?? was ?? '');
    if (was !== undefined && text !== undefined && was !== text)
      notices.push({ type: 'policy', key: id, data: JSON.parse(text) as unknown });
  }
}

// --- internal ---

function stateOf({ policy }: CircuitEntry): string {
  const { state = (policy.snapshot() as { state?: unknown }).state } = policy as { state?: unknown };
  if (typeof state === 'string') return state;
  throw new TypeError('a circuit breaker must tell its state');
}

interface SeenCircuit {
  readonly ribbon: Ribbon;
  /** Who held it; undefined before it was looked at. */
  holder: string | undefined;
}

interface StateLook {
  readonly state: string;
  readonly atMs: number;
}

interface CircuitLook {
  readonly from: string;
  readonly holds: ShownHolds;
  readonly atMs: number;
}

const NOT_HELD: ShownHolds = Object.freeze({ hold: null, fleetHold: null });

/** What makes a hold another one: not the time that passes. */
function holderOf({ hold, fleetHold }: ShownHolds): string {
  return [hold, fleetHold]
    .map((one) => one && JSON.stringify([one.state, one.actor, one.reason, one.setAt]))
    .filter((text) => text !== null)
    .join();
}

function circuitData(entry: CircuitEntry, { from, holds, atMs }: CircuitLook): object {
  const { circuitId: id, name, policy } = entry;
  const snapshot = policy.snapshot() as { state?: unknown; tripReason?: unknown; remainingOpenMs?: unknown };
  const { state: to, tripReason, remainingOpenMs } = snapshot;
  return { id, name, from, to, reason: to === 'open' ? tripReason : undefined, remainingOpenMs, ...holds, atMs };
}

/** What makes a feature another one to those who look: not the time that passes, nor the calls served. */
function textOf({ mode, revision, level, overrides, conflicts }: FeatureStatus): string {
  const stable = overrides.map(({ id, mode: asked, isRestoring, shareRatio, setAt }) => [
    id,
    asked,
    isRestoring,
    shareRatio,
    setAt,
  ]);
  return JSON.stringify([mode, revision, level, stable, conflicts]);
}
