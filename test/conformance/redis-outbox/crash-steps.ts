/**
 * Crash steps: where a process that defers and delivers work can die.
 *
 * @module
 */

/** In the order in which a process comes by them. */
export const crashSteps = [
  'before add',
  'add sent',
  'added',
  'before take',
  'take sent',
  'taken',
  'in delivery',
  'delivered',
  'settle sent',
  'settled',
  'before postpone',
  'postpone sent',
  'postponed',
  'before bury',
  'bury sent',
  'buried',
] as const;

/** One of {@link crashSteps}. */
export type CrashStep = (typeof crashSteps)[number];
