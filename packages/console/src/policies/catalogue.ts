/**
 * Catalogue: every policy of a registry under an id of its own, those in pipelines and those per key included.
 *
 *   registry ─► registered policies ─► members of pipelines, policies per key, and what is in these
 *
 * Invariants
 *  (1) A policy has one entry, however often it is used; a registered one has the id `kind/name`.
 *  (2) An id belongs to one policy; the same policies in the same places get the same ids each time.
 *  (3) It has at most `MAX_POLICIES` entries.
 *
 * @module
 */

import type { HasAlternatives, NamedPolicy, Pipeline, Policy, Registry } from '@holdfast/core';

import { Problem } from '../api/problem.ts';

/** A policy of the catalogue. */
export interface CatalogueEntry {
  /** `kind/name`; where an earlier policy has that already, with the id of what it is in: `timeout/timeout@pipeline/prices`. */
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly policy: NamedPolicy<unknown>;
  /** The id of the pipeline or policy that it is in; undefined for a registered one. */
  readonly within: string | undefined;
}

/** A circuit breaker of the catalogue. */
export interface CircuitEntry extends CatalogueEntry {
  readonly policy: Circuit;
  /** Its name; where an earlier circuit has that already, the id of the policy. */
  readonly circuitId: string;
}

/** What a circuit is known by, so that a breaker of another copy of core will do. */
export interface Circuit extends NamedPolicy<unknown> {
  readonly state: string;
  snapshot(): object;
  hold?(state: 'open' | 'closed', options: { owner: string; forMs: number; reason?: string }): { release(): boolean };
}

/** The kind of circuit breakers. */
export const CIRCUIT = 'circuit-breaker';

/** Returns the policies of `registry`: the registered ones first. */
export function policiesOf(registry: Registry): readonly CatalogueEntry[] {
  const walk = new Walk();
  const registered = [...registry].map((policy) => walk.add(policy, undefined));
  for (const entry of registered) if (entry !== undefined) walk.enter(entry);
  return [...walk.byId.values()];
}

/** Whether `registry` has the policy of `entry` still: not another one under its id. */
export function isStillIn(registry: Registry, { policy }: CatalogueEntry): boolean {
  return policiesOf(registry).some((one) => one.policy === policy);
}

/** Returns the circuit breakers of `registry`. */
export function circuitsOf(registry: Registry): readonly CircuitEntry[] {
  const seen = new Set<string>();
  const circuits: CircuitEntry[] = [];
  for (const entry of policiesOf(registry)) {
    if (!isCircuit(entry.policy)) continue;
    const circuitId = seen.has(entry.name) ? entry.id : entry.name;
    seen.add(circuitId);
    circuits.push({ ...entry, policy: entry.policy, circuitId });
  }
  return circuits;
}

/** Finds the circuit breaker of an id. Throws a Problem where there is none. */
export function requireCircuit(registry: Registry, id: string): CircuitEntry {
  const found = circuitsOf(registry).find(({ circuitId }) => circuitId === id);
  if (found !== undefined) return found;
  const detail = `there is no circuit breaker ${JSON.stringify(id.slice(0, 60))}`;
  throw new Problem(404, detail, { code: 'NOT_FOUND' });
}

// --- internal ---

const MAX_POLICIES = 5000;

class Walk {
  readonly byId = new Map<string, CatalogueEntry>();
  readonly #seen = new Set<object>();

  /** Adds a policy that is not there yet. Returns its entry; undefined where it was there, or there is no room. */
  add(policy: NamedPolicy<unknown>, within: string | undefined): CatalogueEntry | undefined {
    if (this.#seen.has(policy) || this.byId.size >= MAX_POLICIES) return undefined; // (1) (3)
    this.#seen.add(policy);
    const { kind, name } = policy;
    const entry = { id: this.#idOf(`${kind}/${name}`, within), kind, name, policy, within };
    this.byId.set(entry.id, entry);
    return entry;
  }

  enter({ id, policy }: CatalogueEntry): void {
    for (const member of membersOf(policy)) {
      const entry = this.add(member, id);
      if (entry !== undefined) this.enter(entry);
    }
  }

  #idOf(label: string, within: string | undefined): string {
    if (!this.byId.has(label)) return label;
    const placed = within === undefined ? label : `${label}@${within}`;
    for (let number = 1; ; number++) {
      const id = number === 1 ? placed : `${placed}#${number}`; // (2)
      if (!this.byId.has(id)) return id;
    }
  }
}

function isNamed(policy: Policy<unknown>): policy is NamedPolicy<unknown> {
  const { kind, name } = policy as Partial<NamedPolicy<unknown>>;
  return typeof kind === 'string' && typeof name === 'string';
}

function isCircuit(policy: NamedPolicy<unknown>): policy is Circuit {
  return policy.kind === CIRCUIT && typeof (policy as Partial<Circuit>).snapshot === 'function';
}

/** Returns the members of a policy: those of a pipeline, those per key. */
function membersOf(policy: Policy<unknown>): readonly NamedPolicy<unknown>[] {
  const { policies, kind } = policy as Partial<Pipeline<unknown>>;
  const { alternatives } = policy as Partial<HasAlternatives>;
  const members: readonly Policy<unknown>[] =
    kind === 'pipeline' && Array.isArray(policies)
      ? policies
      : typeof alternatives === 'function'
        ? alternatives.call(policy)
        : [];
  return members.filter(isNamed);
}
