/**
 * Breaker parts: what a breaker is made of.
 *
 * @module
 */

import type { Clock } from '../../kernel/clock.ts';
import type { Enforcement } from '../../kernel/description.ts';
import type { Events } from '../../kernel/events.ts';
import type { Classify } from '../../kernel/outcome.ts';
import type { Random } from '../../kernel/random.ts';
import type { CircuitRules } from './circuit.ts';
import type { OpenTimeRules } from './open-time.ts';

/** What a breaker decides by: options, checked and completed. Breakers with the same options may share them. */
export interface BreakerRules extends CircuitRules, OpenTimeRules {
  /** The options that were given, without name and ports: what `update` changes. */
  readonly given: object;
  readonly minTimeoutToJudgeMs: number;
  readonly enforcement: Enforcement;
  readonly classify: Classify;
}

/** Who a breaker is, and what it takes from outside. */
export interface BreakerPorts {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: Events;
}
