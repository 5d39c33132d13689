/**
 * Deferral events: what is told of deferred work, where somebody listens.
 *
 * @module
 */

import type { Events } from '@holdfast/core';

/** Work was accepted and waits. */
export interface DeferralKeptEvent {
  readonly type: 'deferral.kept';
  readonly policy: 'deferral';
  readonly name: string;
  readonly key: string;
}

/** Work was refused: there is no room. */
export interface DeferralRefusedEvent {
  readonly type: 'deferral.refused';
  readonly policy: 'deferral';
  readonly name: string;
  readonly key: string;
}

/** Work was done, and has left the outbox. */
export interface DeferralDeliveredEvent {
  readonly type: 'deferral.delivered';
  readonly policy: 'deferral';
  readonly name: string;
  readonly key: string;
  /** Number of the attempt that did it. */
  readonly attempt: number;
}

/** An attempt failed; there will be another one. */
export interface DeferralFailedEvent {
  readonly type: 'deferral.failed';
  readonly policy: 'deferral';
  readonly name: string;
  readonly key: string;
  readonly attempt: number;
  readonly error: unknown;
  /** Time for which nothing is delivered. Milliseconds. */
  readonly pauseMs: number;
}

/** Work has failed too often, and is kept with the dead until somebody revives or discards it. */
export interface DeferralDeadEvent {
  readonly type: 'deferral.dead';
  readonly policy: 'deferral';
  readonly name: string;
  readonly key: string;
  readonly attempt: number;
  readonly error: unknown;
}

/** Who tells. */
export interface Teller {
  readonly name: string;
  readonly events: Events;
}

export function tellKept({ events, name }: Teller, key: string): void {
  if (!events.active) return;
  const event: DeferralKeptEvent = { type: 'deferral.kept', policy: 'deferral', name, key };
  events.emit(event);
}

export function tellRefused({ events, name }: Teller, key: string): void {
  if (!events.active) return;
  const event: DeferralRefusedEvent = { type: 'deferral.refused', policy: 'deferral', name, key };
  events.emit(event);
}

export function tellDelivered(
  { events, name }: Teller,
  { key, attempt }: Pick<DeferralDeliveredEvent, 'key' | 'attempt'>,
): void {
  if (!events.active) return;
  const event: DeferralDeliveredEvent = { type: 'deferral.delivered', policy: 'deferral', name, key, attempt };
  events.emit(event);
}

export function tellFailed(
  { events, name }: Teller,
  { key, attempt, error, pauseMs }: Pick<DeferralFailedEvent, 'key' | 'attempt' | 'error' | 'pauseMs'>,
): void {
  if (!events.active) return;
  const event: DeferralFailedEvent = {
    type: 'deferral.failed',
    policy: 'deferral',
    name,
    key,
    attempt,
    error,
    pauseMs,
  };
  events.emit(event);
}

export function tellDead(
  { events, name }: Teller,
  { key, attempt, error }: Pick<DeferralDeadEvent, 'key' | 'attempt' | 'error'>,
): void {
  if (!events.active) return;
  const event: DeferralDeadEvent = { type: 'deferral.dead', policy: 'deferral', name, key, attempt, error };
  events.emit(event);
}
