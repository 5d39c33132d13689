/**
 * Feature store events: what a store of features tells whoever listens.
 *
 * @module
 */

import { type Events, tellEvent } from '@holdfast/core';

import type { SharingListener } from '../store-link/sharing-mode.ts';
import type { FeatureServerOperation } from './feature-requests.ts';

/** Who tells: a store of features. */
export interface FeatureStoreEventSource {
  readonly policy: 'feature-store';
  /** The namespace. */
  readonly name: string;
}

/** Features are shared from now on, or this process goes by what it knows. */
export interface FeatureStoreModeChangedEvent extends FeatureStoreEventSource {
  readonly type: 'feature-store.mode-changed';
  readonly mode: 'shared' | 'local';
  /** Why, for people. */
  readonly why: string;
}

/** Features are shared again after a time without. Told after the mode has changed. */
export interface FeatureStoreRecoveredEvent extends FeatureStoreEventSource {
  readonly type: 'feature-store.recovered';
  /** Time that this process went by what it knew. Milliseconds. */
  readonly afterMs: number;
}

/** The server has lost changes that it had: a restart, or a failover to a replica that lagged. Who knows them offers them again. */
export interface FeatureStoreLostEvent extends FeatureStoreEventSource {
  readonly type: 'feature-store.lost';
  /** Features whose last change it had and has not. */
  readonly features: readonly string[];
}

/** A record cannot be read: it is damaged, or sealed by somebody else. What is known of the feature stays. Told once per record. */
export interface FeatureStoreRefusedEvent extends FeatureStoreEventSource {
  readonly type: 'feature-store.refused';
  readonly feature: string;
  readonly problem: string;
}

/** The server refuses what is asked of it, until somebody changes its configuration. Told once, when it begins. */
export interface FeatureStoreDeniedEvent extends FeatureStoreEventSource {
  readonly type: 'feature-store.denied';
  readonly operation: FeatureServerOperation;
  /** The server's words. */
  readonly message: string;
}

/** Every event of a store of features. */
export type FeatureStoreEvent =
  | FeatureStoreModeChangedEvent
  | FeatureStoreRecoveredEvent
  | FeatureStoreLostEvent
  | FeatureStoreRefusedEvent
  | FeatureStoreDeniedEvent;

type Untold<E> = E extends FeatureStoreEvent ? Omit<E, 'policy' | 'name'> : never;

/** Tells an event of one store, without what all of them have in common. Never throws. */
export type FeatureStoreTeller = (event: Untold<FeatureStoreEvent>) => void;

/** Tells whoever listens to `events` what the store of `namespace` has to say. */
export function featureStoreTeller(events: Events | undefined, namespace: string): FeatureStoreTeller {
  return (event) => tellEvent(events, namespace, () => ({ ...event, policy: 'feature-store', name: namespace }));
}

/** Tells by `tell` how features are shared. */
export function featureSharingTeller(tell: FeatureStoreTeller): SharingListener {
  return {
    changed: (mode, why) => tell({ type: 'feature-store.mode-changed', mode, why }),
    recovered: (afterMs) => tell({ type: 'feature-store.recovered', afterMs }),
  };
}
