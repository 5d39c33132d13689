/**
 * Circuit events: what a circuit breaker tells whoever listens, and the error by which it refuses.
 *
 * @module
 */

import { RejectionError, nameErrorClass } from '../../kernel/errors.ts';
import type { MachineState } from './circuit-entry.ts';
import type { HeldState } from './holds.ts';
import type { TripReason } from './trip-rule.ts';

/** What a circuit can be in, the states in which it is held included. */
export type CircuitState = MachineState | HeldState;

/** Why a call was not admitted. */
export type Refusal = 'open' | 'half-open-full' | 'forced-open' | 'ramping-up';

/** The circuit changed its state. */
export interface CircuitTransitionEvent {
  readonly type: 'circuit-breaker.transitioned';
  readonly policy: 'circuit-breaker';
  readonly name: string;
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** Where the circuit opens: the rule by which it does; undefined otherwise. */
  readonly reason: TripReason | undefined;
}

/** A call was refused, or would have been. */
export interface CircuitRejectedEvent {
  readonly type: 'circuit-breaker.rejected';
  readonly policy: 'circuit-breaker';
  readonly name: string;
  readonly reason: Refusal;
  /** `observe` where the call ran nevertheless. */
  readonly enforcement: 'enforce' | 'observe';
}

/**
 * The circuit is open, held open, half-open with all its probes under way, or closed a moment ago and not yet open to all
 * calls. The operation did not run.
 */
export class CircuitOpenError extends RejectionError {
  readonly code = 'CIRCUIT_OPEN';
  readonly reason: Refusal;

  constructor(policy: string, reason: Refusal, retryAfterMs: number) {
    const knownMs = retryAfterMs === Infinity ? undefined : retryAfterMs;
    super(`${policy} ${descriptions[reason]}`, { policy, retryAfterMs: knownMs });
    this.reason = reason;
  }
}

/** Makes the event of a refusal. */
export function rejectedEvent(name: string, reason: Refusal, enforcement: 'enforce' | 'observe'): CircuitRejectedEvent {
  return {
    type: 'circuit-breaker.rejected',
    policy: 'circuit-breaker',
    name,
    reason,
    enforcement,
  };
}

/** Makes the event of a change of state. */
export function transitionedEvent(
  name: string,
  { from, to, reason }: Pick<CircuitTransitionEvent, 'from' | 'to' | 'reason'>,
): CircuitTransitionEvent {
  return {
    type: 'circuit-breaker.transitioned',
    policy: 'circuit-breaker',
    name,
    from,
    to,
    reason: to === 'open' ? reason : undefined,
  };
}

// --- internal ---

nameErrorClass(CircuitOpenError, 'CircuitOpenError');

const descriptions: Readonly<Record<Refusal, string>> = {
  open: 'is open',
  'half-open-full': 'is half-open and probing',
  'forced-open': 'is held open',
  'ramping-up': 'has closed a moment ago and lets calls through gradually',
};
