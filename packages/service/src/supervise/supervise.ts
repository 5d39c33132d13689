/**
 * Supervise: keeps something running that should always run, and gives up when that is useless.
 *
 *   new ── start() ─► running ── ends, stalls ─► waiting ── backoff ─► running ...
 *                        │                          └── too many restarts in a while ─► gave-up
 *                        ├── ends, and need not run on ─► done
 *                        └── drain() ─► stopping ── has ended, or must be left behind ─► stopped
 *
 * Invariants
 *  (1) At most one run is under way, but for one that stalled and did not heed the end of its context.
 *  (2) A run starts at the latest when the longest delay of its backoff has passed; delays grow until a run has been healthy.
 *  (3) More than `maxRestarts` restarts within `withinMs` give up, for good.
 *  (4) After drain nothing is started, and no timer is left.
 *  (5) A hook that throws changes nothing.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Context,
  type DrainReport,
  type Events,
  type Random,
  inRange,
  integerInRange,
  isFunction,
  isName,
  oneOf,
  systemClock,
  systemRandom,
  withKnown,
} from '@holdfast/core';

import type { Component } from '../lifecycle/component.ts';
import { BodySupervisor, type SupervisorStatus } from './body-supervisor.ts';
import type { CrashReport, SupervisedBody } from './supervised-body.ts';

/** Options of {@link supervise}. Omitted ones take {@link superviseDefaults}. */
export interface SuperviseOptions {
  /**
   * When it is restarted. `permanent`: whenever it has ended; `transient`: when it failed or stalled; `temporary`: never.
   * @defaultValue 'permanent'
   */
  readonly restart?: 'permanent' | 'transient' | 'temporary';
  /** Restarts that are allowed within `withinMs`; one more gives up. Integer, 0 to 10 000. @defaultValue 5 */
  readonly maxRestarts?: number;
  /** In how much time. Milliseconds, 1 to 86 400 000. @defaultValue 60_000 */
  readonly withinMs?: number;
  /** Restarts within `withinMs` from which on it runs in safe mode. Number, 1 or more; Infinity for never. @defaultValue 3 */
  readonly safeModeAfterCount?: number;
  /** Upper bound of the first delay; each further one doubles it, and the delay is drawn below. Milliseconds, 0 to 600 000. @defaultValue 100 */
  readonly baseDelayMs?: number;
  /** Upper bound of every delay. Milliseconds, `baseDelayMs` to 3 600 000. @defaultValue 30_000 */
  readonly maxDelayMs?: number;
  /** A run that lasted so long was healthy: the next delay is the first again. Milliseconds, 0 or more. @defaultValue 60_000 */
  readonly healthyAfterMs?: number;
  /** Time without `beat()` after which it counts as stuck. Milliseconds, 1 or more; Infinity never asks. @defaultValue Infinity */
  readonly stallAfterMs?: number;
  /** How long a stuck run may take to heed the end of its context, before it is abandoned. Milliseconds, 0 to 600 000. @defaultValue 5000 */
  readonly abandonAfterMs?: number;
  /** Components of the lifecycle that it uses. By default all that start before it. */
  readonly dependsOn?: readonly string[];
  /** Told of every crash, before it is restarted. */
  readonly onCrash?: (report: CrashReport) => unknown;
  /** Told once when it gives up: make the process unhealthy here, or stop it. */
  readonly onGiveUp?: (report: CrashReport) => unknown;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Where events go; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link supervise}, in one place. */
export const superviseDefaults: Required<Omit<SuperviseOptions, 'onCrash' | 'onGiveUp' | 'events' | 'dependsOn'>> =
  Object.freeze({
    restart: 'permanent',
    maxRestarts: 5,
    withinMs: 60_000,
    safeModeAfterCount: 3,
    baseDelayMs: 100,
    maxDelayMs: 30_000,
    healthyAfterMs: 60_000,
    stallAfterMs: Infinity,
    abandonAfterMs: 5000,
    clock: systemClock,
    random: systemRandom,
  });

/** What keeps something running. It is a component: `lifecycle.add(supervisor)`. */
export interface Supervisor extends Component {
  /** Starts the first run. Does nothing when it has been started before. */
  start(): void;
  /** Ends the run under way and starts no other. Resolves when it has ended, or `context` has. Never rejects. */
  drain(context?: Context): Promise<DrainReport>;
  status(): SupervisorStatus;
}

/**
 * Creates a supervisor of `body`, which it runs from `start` on.
 *
 * @throws ConfigError at creation, when an argument is out of range.
 *
 * @example
 * ```ts
 * life.add(supervise('outbox', async (context, { beat }) => {
 *   while (!context.cancelled) {
 *     await deliverNext(context);
 *     beat();
 *   }
 * }, { stallAfterMs: 30_000, onGiveUp: ({ name }) => health.giveUp(`${name} crashes again and again`) }));
 * ```
 */
export function supervise(name: string, body: SupervisedBody, options: SuperviseOptions = {}): Supervisor {
  isName('supervise name', name);
  isFunction('supervise body', body);
  const place = `supervise.${name}`;
  const resolved = withKnown(place, superviseDefaults, options, ['onCrash', 'onGiveUp', 'events', 'dependsOn']);
  oneOf(`${place}.restart`, resolved.restart, ['permanent', 'transient', 'temporary']);
  integerInRange(`${place}.maxRestarts`, resolved.maxRestarts, [0, 10_000]);
  inRange(`${place}.withinMs`, resolved.withinMs, [1, 86_400_000]);
  inRange(`${place}.safeModeAfterCount`, resolved.safeModeAfterCount, [1, Infinity]);
  inRange(`${place}.baseDelayMs`, resolved.baseDelayMs, [0, 600_000]);
  inRange(`${place}.maxDelayMs`, resolved.maxDelayMs, [resolved.baseDelayMs, 3_600_000]);
  inRange(`${place}.healthyAfterMs`, resolved.healthyAfterMs, [0, Infinity]);
  inRange(`${place}.stallAfterMs`, resolved.stallAfterMs, [1, Infinity]);
  inRange(`${place}.abandonAfterMs`, resolved.abandonAfterMs, [0, 600_000]);
  requireHooks(place, resolved);
  return new BodySupervisor(name, body, resolved);
}

// --- internal ---

function requireHooks(place: string, { onCrash, onGiveUp, dependsOn }: SuperviseOptions): void {
  if (onCrash !== undefined) isFunction(`${place}.onCrash`, onCrash);
  if (onGiveUp !== undefined) isFunction(`${place}.onGiveUp`, onGiveUp);
  if (dependsOn !== undefined && !Array.isArray(dependsOn))
    throw new ConfigError(`${place}.dependsOn`, 'names of components', dependsOn);
}
