/**
 * Fleet under test: stores of one fleet in memory that hold circuits for all, as the one of `@holdfast/redis` does, and that
 * can be made to fail as a server does.
 *
 * @module
 */

import type { Clock, ExplainedRuling, SharingExplanation } from '@holdfast/core';
import {
  type HoldRequest,
  type MemoryCircuitStore,
  type MemoryFleet,
  type Ruling,
  explainRuling,
  memoryFleet,
} from '@holdfast/core/fleet';

import type { FleetNote, FleetStore } from '../actions/fleet-store.ts';

/** A store of the fleet. */
interface StoreUnderTest extends MemoryCircuitStore, Omit<FleetStore, keyof MemoryCircuitStore> {
  readonly hold: MemoryCircuitStore['hold'] & FleetStore['hold'];
  health(): ReturnType<MemoryCircuitStore['health']>;
}

/** Several stores of one fleet. */
export interface FleetUnderTest {
  readonly fleet: MemoryFleet;
  /** What was asked of any of them: `hold prices open`. */
  readonly asked: readonly string[];
  /** What every request meets before it is served, such as a rejection; by default nothing. */
  obstacle: (() => Promise<void>) | undefined;
  /** What a question meets that changes nothing. */
  slowness: (() => Promise<void>) | undefined;
  /** What every request meets after it was served, before its answer. */
  lateness: (() => Promise<void>) | undefined;
  /** Makes a store. `membersOf` says how many breakers of its process share a circuit there; by default one. */
  store(membersOf?: (name: string) => number): StoreUnderTest;
}

/** Makes a fleet. */
export function fleetUnderTest(clock: Clock): FleetUnderTest {
  const fleet = memoryFleet({ clock });
  const asked: string[] = [];
  const tested: FleetUnderTest = {
    fleet,
    asked,
    obstacle: undefined,
    slowness: undefined,
    lateness: undefined,
    store(membersOf = () => 1) {
      const store = fleet.store();
      const hold: MemoryCircuitStore['hold'] = store.hold.bind(store);
      const operate = async (
        words: string,
        request: Parameters<MemoryCircuitStore['hold']>[0],
      ): Promise<ExplainedRuling> => {
        const others = Object.keys(request).filter((name) => !KNOWN.has(name));
        if (others.length > 0) throw new TypeError(`a store knows no ${others.join(', ')}`);
        asked.push(words);
        await tested.obstacle?.();
        const ruling: Ruling = await hold(request);
        await tested.lateness?.();
        return explainRuling(ruling);
      };
      const fleetStore: Omit<FleetStore, 'health'> = {
        hold: (id, state, { owner, reason, forMs, ...others }) =>
          operate(`hold ${id} ${state}`, { id, state: STATES[state], owner, reason, forMs, ...others }),
        release: (id, { owner, reason, ...others }: FleetNote) =>
          operate(`release ${id}`, { id, state: 'auto', owner, reason, forMs: 1, ...others }),
        explain: async (name) => {
          await tested.slowness?.();
          return { members: membersOf(name) } as SharingExplanation;
        },
      };
      return Object.assign(store, fleetStore);
    },
  };
  return tested;
}

// --- internal ---

const KNOWN: ReadonlySet<string> = new Set(['id', 'state', 'owner', 'reason', 'forMs']);

const STATES = { open: 'forced-open', closed: 'forced-closed' } as const satisfies Record<string, HoldRequest['state']>;
