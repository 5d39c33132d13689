/**
 * Lifecycle: starts the parts of a service in order, and ends them in reverse, inside one deadline, without losing work.
 *
 *   new ── start() ─► starting ── all have started ─► running ── stop(), signal, fatal error ─► stopping ─► stopped
 *    │                   └── one fails, or stop() ────────────────────────────────────────────────┘           ▲
 *    └── stop() ──────────────────────────────────────────────────────────────────────────────────────────────┘
 *                                                              a second signal: the process ends at once
 *
 * Invariants
 *  (1) A component is started once, after all that it depends on, and closed once if it has started, also when it has done so
 *      too late.
 *  (2) When a start fails, what had been started is ended, and nothing else is started.
 *  (3) `stop` never rejects, and is done once, whoever asks and however often.
 *  (4) A process whose signal was taken ends within `stopTimeoutMs` and `LINGER_MS`.
 *  (5) A second signal ends the process at once; one within `signalEchoMs` of the first is the same one, sent twice.
 *
 * @module
 */

import {
  type Clock,
  ConfigError,
  type Context,
  type Events,
  inRange,
  isFunction,
  isName,
  systemClock,
  withKnown,
} from '@holdfast/core';

import type { Component } from './component.ts';
import type { LifecycleState } from './lifecycle-event.ts';
import type { ProcessPort } from './process-port.ts';
import { ServiceLife } from './service-life.ts';
import type { StopReport } from './stop-report.ts';

/** Options of {@link createLifecycle}. Omitted ones take {@link lifecycleDefaults}. */
export interface LifecycleOptions {
  /** Names this service in errors, events and reports. @defaultValue 'lifecycle' */
  readonly name?: string;
  /** Time for all starts together. Milliseconds, 1 or more; Infinity for none. @defaultValue 60_000 */
  readonly startTimeoutMs?: number;
  /**
   * Time for stopping, from the signal to the exit. Keep it below what the platform gives before it kills: 30 s in Kubernetes,
   * the time of a preStop hook included. Milliseconds, 1 or more; Infinity for none.
   * @defaultValue 25_000
   */
  readonly stopTimeoutMs?: number;
  /**
   * How long it goes on serving when it has said that it is not ready, because that takes a while to get round; part of
   * `stopTimeoutMs`. 0 where a preStop hook waits, or nobody routes traffic here. Milliseconds, 0 to half of `stopTimeoutMs`.
   * @defaultValue 5000
   */
  readonly notReadyForMs?: number;
  /** Time for stopping after a fatal error. Milliseconds, 1 or more. @defaultValue 5000 */
  readonly fatalTimeoutMs?: number;
  /** Signals that stop the service. @defaultValue ['SIGTERM', 'SIGINT'] */
  readonly signals?: readonly string[];
  /**
   * Time within which a second signal is taken for the same one: a terminal signals npm and its child, and npm passes its own
   * on, late where the machine is busy. Milliseconds, 0 to 10 000.
   * @defaultValue 1000
   */
  readonly signalEchoMs?: number;
  /** The process whose signals and uncaught errors stop the service: `process`. By default none; then only `stop` does. */
  readonly process?: ProcessPort;
  /** Told of an uncaught error, before stopping begins. By default it goes to the handler of `onHookError`, which prints it. */
  readonly onFatal?: (error: unknown, origin: string) => unknown;
  readonly clock?: Clock;
  /** Where events go; by default nowhere. */
  readonly events?: Events;
}

/** Every default of {@link createLifecycle}, in one place. */
export const lifecycleDefaults: Required<Omit<LifecycleOptions, 'process' | 'onFatal' | 'events'>> = Object.freeze({
  name: 'lifecycle',
  startTimeoutMs: 60_000,
  stopTimeoutMs: 25_000,
  notReadyForMs: 5000,
  fatalTimeoutMs: 5000,
  signals: ['SIGTERM', 'SIGINT'],
  signalEchoMs: 1000,
  clock: systemClock,
});

/** The life of one service. */
export interface Lifecycle extends AsyncDisposable {
  readonly state: LifecycleState;
  /** Whether the service is to be sent traffic: it is running. */
  readonly isReady: boolean;
  /** Whether it was running at some time; it stays true when it stops. */
  readonly hasStarted: boolean;
  /** Settles when the service has stopped, whoever asked for it. Never rejects. */
  readonly stopped: Promise<StopReport>;
  /** Adds a component. Before `start` only. Returns the lifecycle. */
  add(component: Component): Lifecycle;
  /** Starts all components, one after the other, and listens to the process. Breaks off when `context` ends. */
  start(context?: Context): Promise<void>;
  /** Stops: says that it is not ready, drains, closes. Called again it is the same stop. `why` is for the report. */
  stop(why?: string): Promise<StopReport>;
}

/**
 * Creates a lifecycle. It listens to `process` from `start` on.
 *
 * @throws ConfigError at creation, when an option is out of range; from add, when the component is none or its name is taken; from
 * start, when one depends on a component that is not there, or on itself.
 * @throws StartFailedError from start, when a component failed, or it was broken off; what had been started was ended.
 * @throws TypeError from add and start, when it was started before.
 *
 * @example
 * ```ts
 * const life = createLifecycle({ process });
 * life.add({ name: 'database', start: () => pool.query('select 1'), close: () => pool.end() });
 * life.add({ name: 'background', drain: (context) => tracker.drain(context) }); // may use the database
 * life.add(serverComponent(server, { port: 8080 })); // its requests may use both
 * await life.start();
 * ```
 */
export function createLifecycle(options: LifecycleOptions = {}): Lifecycle {
  const resolved = withKnown('lifecycle', lifecycleDefaults, options, ['process', 'onFatal', 'events']);
  isName('lifecycle.name', resolved.name);
  inRange('lifecycle.startTimeoutMs', resolved.startTimeoutMs, [1, Infinity]);
  inRange('lifecycle.stopTimeoutMs', resolved.stopTimeoutMs, [1, Infinity]);
  inRange('lifecycle.fatalTimeoutMs', resolved.fatalTimeoutMs, [1, Infinity]);
  inRange('lifecycle.signalEchoMs', resolved.signalEchoMs, [0, 10_000]);
  const longestMs = resolved.stopTimeoutMs / 2;
  const notReadyForMs = options.notReadyForMs ?? Math.min(lifecycleDefaults.notReadyForMs, longestMs);
  inRange('lifecycle.notReadyForMs', notReadyForMs, [0, longestMs]);
  requireSignals(resolved.signals);
  if (resolved.onFatal !== undefined) isFunction('lifecycle.onFatal', resolved.onFatal);
  requireProcess(resolved.process);
  return new ServiceLife({ ...resolved, notReadyForMs });
}

// --- internal ---

function requireSignals(signals: unknown): void {
  const isList =
    Array.isArray(signals) && signals.every((signal) => typeof signal === 'string' && /^SIG[A-Z0-9]+$/.test(signal));
  if (!isList) throw new ConfigError('lifecycle.signals', "names of signals, as ['SIGTERM']", signals);
}

function requireProcess(port: ProcessPort | undefined): void {
  if (port === undefined) return;
  const isProcess = (['on', 'off', 'exit'] as const).every((method) => typeof port?.[method] === 'function');
  if (!isProcess) throw new ConfigError('lifecycle.process', 'a process', port);
}
