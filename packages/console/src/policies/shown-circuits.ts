/**
 * Shown circuits: circuit breakers as the API shows them, each with who holds it, in this process and in the fleet.
 *
 * Of a list, one that cannot be read spoils no other: it is in it as `unreadable`, and the service is told why.
 *
 * @module
 */

import type { Registry } from '@holdfast/core';

import type { CircuitHolds, ShownHold } from '../actions/circuit-holds.ts';
import type { FleetHolds } from '../actions/fleet-holds.ts';
import type { ShownFleetHold } from '../actions/fleet-ruling.ts';
import { readOr } from '../failure.ts';
import { type CircuitEntry, circuitsOf, requireCircuit } from './catalogue.ts';

/** Who holds a circuit. */
export interface ShownHolds {
  /** The hold of this process that was made through the API. */
  readonly hold: ShownHold | null;
  /** The hold of all processes, made by whomever, as this process knows. */
  readonly fleetHold: ShownFleetHold | null;
}

/** The circuits of a registry. */
export class ShownCircuits {
  readonly #registry: Registry;
  readonly #holds: CircuitHolds;
  readonly #fleetHolds: FleetHolds;

  constructor(registry: Registry, holds: CircuitHolds, fleetHolds: FleetHolds) {
    this.#registry = registry;
    this.#holds = holds;
    this.#fleetHolds = fleetHolds;
  }

  /** Finds a circuit. Throws a Problem where there is none of that id. */
  find(id: string): CircuitEntry {
    return requireCircuit(this.#registry, id);
  }

  list(): readonly object[] {
    return circuitsOf(this.#registry).map((entry) => this.showAnyway(entry));
  }

  /** A circuit also where it cannot be read. */
  showAnyway(entry: CircuitEntry): object {
    return readOr<object, object>(
      this.#registry,
      () => this.show(entry),
      () => ({ ...namesOf(entry), scopes: ['process'], hold: null, fleetHold: null, state: 'unreadable' }),
    );
  }

  show(entry: CircuitEntry): object {
    const { policy } = entry;
    const snapshot = policy.snapshot();
    const scopes = this.#fleetHolds.canHold(policy, snapshot) ? ['process', 'fleet'] : ['process'];
    return { ...namesOf(entry), scopes, ...this.holdsOf(entry, snapshot), ...snapshot };
  }

  /** Who holds a circuit; `snapshot` is what it says of itself now. */
  holdsOf({ policy }: CircuitEntry, snapshot: object = policy.snapshot()): ShownHolds {
    return { hold: this.#holds.shown(policy) ?? null, fleetHold: this.#fleetHolds.shown(policy, snapshot) ?? null };
  }
}

// --- internal ---

function namesOf({ circuitId, id, name, within }: CircuitEntry): object {
  return { id: circuitId, policyId: id, within, name };
}
