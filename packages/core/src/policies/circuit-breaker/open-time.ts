/**
 * Open time: how long a circuit stays open. Pure; randomness arrives as an argument.
 *
 * The first time it is `openForMs`; each time that the probes fail, it grows by `openBackoffRatio`, up to `maxOpenForMs`. A
 * dependency that says when to come back is believed, up to the same bound. The jitter lengthens or shortens the result, so
 * that the processes of a fleet do not probe at the same instant.
 *
 *   min(maxOpenForMs, max(openForMs * factor^reopenings, retryAfterMs)) * uniform[1 - jitter, 1 + jitter)
 *
 * @module
 */

import type { Random } from '../../kernel/random.ts';

/** What {@link openTimeMs} decides by; see the options of the policy. */
export interface OpenTimeRules {
  readonly openForMs: number;
  readonly openBackoffRatio: number;
  readonly maxOpenForMs: number;
  readonly openJitterRatio: number;
}

/** What happened so far. */
export interface OpenTimeInput {
  /** How often in a row the probes have failed since the circuit was closed. */
  readonly reopenings: number;
  /** When the dependency said to come back, from now. Milliseconds; 0 when it said nothing. */
  readonly retryAfterMs: number;
}

/** Returns the time for which the circuit stays open. Milliseconds, above 0. */
export function openTimeMs(rules: OpenTimeRules, { reopenings, retryAfterMs }: OpenTimeInput, random: Random): number {
  const { openForMs, openBackoffRatio, maxOpenForMs, openJitterRatio } = rules;
  const timeMs = Math.min(maxOpenForMs, Math.max(openForMs * openBackoffRatio ** reopenings, retryAfterMs));
  return openJitterRatio === 0 ? timeMs : timeMs * (1 + openJitterRatio * (2 * random() - 1));
}
