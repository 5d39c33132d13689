/**
 * Circuits under test: the circuits of a registry with their holds, as an endpoint has them, without an endpoint.
 *
 * @module
 */

import type { Clock, Registry } from '@holdfast/core';

import { ActionTrail } from '../actions/action-trail.ts';
import { CircuitHolds } from '../actions/circuit-holds.ts';
import { FleetHolds } from '../actions/fleet-holds.ts';
import { ShownCircuits } from '../policies/shown-circuits.ts';

/** Circuits and their holds. */
export interface CircuitsUnderTest {
  readonly trail: ActionTrail;
  readonly holds: CircuitHolds;
  readonly fleetHolds: FleetHolds;
  readonly circuits: ShownCircuits;
}

/** Makes them; the calendar begins with the clock. */
export function circuitsUnderTest(registry: Registry, clock: Clock): CircuitsUnderTest {
  const wallClock = (): number => clock.now();
  const trail = new ActionTrail(wallClock);
  const parts = { registry, clock, wallClock, trail };
  const [holds, fleetHolds] = [new CircuitHolds(parts), new FleetHolds(parts)];
  return { trail, holds, fleetHolds, circuits: new ShownCircuits(registry, holds, fleetHolds) };
}
