/**
 * Crash steps: where a process that runs a job once can die.
 *
 * @module
 */

/** In the order in which a process comes by them. */
export const crashSteps = [
  'before claim',
  'claim sent',
  'claimed',
  'in job',
  'renewing',
  'after job',
  'finish sent',
  'finished',
] as const;

/** One of {@link crashSteps}. */
export type CrashStep = (typeof crashSteps)[number];
