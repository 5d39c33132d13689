/**
 * Ports: what policies take from outside, by the same option names everywhere.
 *
 * @module
 */

import type { CaptureAsyncContext } from './async-context.ts';
import type { CircuitStore } from './circuit-store.ts';
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
  /**
   * Captures the async context of a call, for what is started later in another turn: `AsyncLocalStorage.snapshot`. By default
   * nothing is captured.
   */
  readonly captureAsyncContext?: CaptureAsyncContext;
  /** Where circuits are shared with other processes; by default nowhere. */
  readonly store?: CircuitStore;
}

/** Names of the ports. */
export const portNames: readonly (keyof PolicyPorts)[] = Object.freeze([
  'clock',
  'random',
  'events',
  'captureAsyncContext',
  'store',
]);

/** What a table of defaults holds: every option but the ports that are not the clock, and those named by `Without`. */
export type DefaultsOf<O extends PolicyPorts, Without extends keyof O = never> = Required<
  Omit<O, Exclude<keyof PolicyPorts, 'clock'> | Without>
>;
