/**
 * Ports: what policies take from outside, by the same option names everywhere.
 *
 * @module
 */

import type { Clock } from './clock.ts';
import type { Events } from './events.ts';
import type { Random } from './random.ts';

/** Options that every policy accepts, so that a registry can hand its own to all; a policy uses those it needs. */
export interface PolicyPorts {
  /** Source of time and waits; by default the platform's monotonic clock. */
  readonly clock?: Clock;
  /** Source of randomness; by default the platform's. */
  readonly random?: Random;
  /** Where events go; by default nowhere. */
  readonly events?: Events;
}

/** Names of the ports. */
export const portNames: readonly (keyof PolicyPorts)[] = Object.freeze(['clock', 'random', 'events']);
