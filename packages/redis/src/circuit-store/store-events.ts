/**
 * Store events: what a store of circuits tells whoever listens.
 *
 * @module
 */

import { type Events, tellEvent } from '@holdfast/core';

import type { ServerOperation } from './request-log.ts';
import type { SharingListener } from '../store-link/sharing-mode.ts';

/** Who tells: a store of circuits. */
export interface CircuitStoreEventSource {
  readonly policy: 'circuit-store';
  /** The namespace. */
  readonly name: string;
}

/** Circuits are shared from now on, or each process decides alone. */
export interface CircuitStoreModeChangedEvent extends CircuitStoreEventSource {
  readonly type: 'circuit-store.mode-changed';
  readonly mode: 'shared' | 'local';
  /** Why, for people. */
  readonly why: string;
}

/** Circuits are shared again after a time without. Told after the mode has changed. */
export interface CircuitStoreRecoveredEvent extends CircuitStoreEventSource {
  readonly type: 'circuit-store.recovered';
  /** Time that this process decided alone. Milliseconds. */
  readonly afterMs: number;
}

/** Members of the fleet decide on one circuit by different rules: a deployment, or a mistake. Once per ruling. */
export interface CircuitStoreDisagreedEvent extends CircuitStoreEventSource {
  readonly type: 'circuit-store.disagreed';
  readonly circuit: string;
  /** The nodes that led to the ruling, joined by `+`. */
  readonly by: string;
}

/** The server refuses what is asked of it, until somebody changes its configuration. Told once, when it begins. */
export interface CircuitStoreDeniedEvent extends CircuitStoreEventSource {
  readonly type: 'circuit-store.denied';
  readonly operation: ServerOperation;
  /** The server's words. */
  readonly message: string;
}

/** What the fleet writes does not go with what this process was told, or can read. Told once, when it begins. */
export interface CircuitStoreIncompatibleEvent extends CircuitStoreEventSource {
  readonly type: 'circuit-store.incompatible';
  readonly problem: string;
  /** The circuit on which this process decides alone; undefined where it does on all. */
  readonly circuit: string | undefined;
}

/** Every event of a store of circuits. */
export type CircuitStoreEvent =
  | CircuitStoreModeChangedEvent
  | CircuitStoreRecoveredEvent
  | CircuitStoreDisagreedEvent
  | CircuitStoreDeniedEvent
  | CircuitStoreIncompatibleEvent;

type Untold<E> = E extends CircuitStoreEvent ? Omit<E, 'policy' | 'name'> : never;

/** Tells an event of one store, without what all of them have in common. */
export type StoreTeller = (event: Untold<CircuitStoreEvent>) => void;

/** Tells whoever listens to `events` what the store of `namespace` has to say. */
export function storeTeller(events: Events | undefined, namespace: string): StoreTeller {
  return (event) => tellEvent(events, namespace, () => ({ ...event, policy: 'circuit-store', name: namespace }));
}

/** Tells by `tell` how circuits are shared. */
export function sharingTeller(tell: StoreTeller): SharingListener {
  return {
    changed: (mode, why) => tell({ type: 'circuit-store.mode-changed', mode, why }),
    recovered: (afterMs) => tell({ type: 'circuit-store.recovered', afterMs }),
  };
}
