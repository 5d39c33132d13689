/**
 * Key events: what a keyed policy tells of its keys.
 *
 * @module
 */

import type { Events } from '../../kernel/events.ts';
import { FEW_CALLS, LOOK_AFTER } from './scatter.ts';

/** Why a member was forgotten: its place was needed, it was idle for `idleMs`, or somebody asked for it. */
export type EvictionReason = 'full' | 'idle' | 'asked';

/** A member was made. */
export interface KeyedCreatedEvent {
  readonly type: 'keyed.created';
  readonly policy: 'keyed';
  readonly name: string;
  readonly key: string;
}

/** A member was forgotten. */
export interface KeyedEvictedEvent {
  readonly type: 'keyed.evicted';
  readonly policy: 'keyed';
  readonly name: string;
  readonly key: string;
  readonly reason: EvictionReason;
}

/** The keys are too fine: of the last members forgotten, more than 90 % had seen few calls. */
export interface KeyedScatteredEvent {
  readonly type: 'keyed.scattered';
  readonly policy: 'keyed';
  readonly name: string;
  /** How many members were looked at. */
  readonly evicted: number;
  /** How many of them had fewer than `fewerThan` calls. */
  readonly withFewCalls: number;
  readonly fewerThan: number;
}

/** Who tells. */
export interface Teller {
  readonly name: string;
  readonly events: Events;
}

export function tellCreated({ name, events }: Teller, key: string): void {
  if (!events.active) return;
  const event: KeyedCreatedEvent = { type: 'keyed.created', policy: 'keyed', name, key };
  events.emit(event);
}

export function tellEvicted({ name, events }: Teller, key: string, reason: EvictionReason): void {
  if (!events.active) return;
  const event: KeyedEvictedEvent = { type: 'keyed.evicted', policy: 'keyed', name, key, reason };
  events.emit(event);
}

export function tellScattered({ name, events }: Teller, withFewCalls: number): void {
  if (!events.active) return;
  const event: KeyedScatteredEvent = {
    type: 'keyed.scattered',
    policy: 'keyed',
    name,
    evicted: LOOK_AFTER,
    withFewCalls,
    fewerThan: FEW_CALLS,
  };
  events.emit(event);
}
