/**
 * Lifecycle events: what a lifecycle tells while it starts and stops.
 *
 * @module
 */

import type { StopReason, StopReport, StopStep } from './stop-report.ts';

/** Where a service is in its life. */
export type LifecycleState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped';

/** A component has started. */
export interface ComponentStartedEvent {
  readonly type: 'lifecycle.component-started';
  readonly policy: 'lifecycle';
  readonly name: string;
  readonly component: string;
  readonly durationMs: number;
}

/** All components have started: the service is ready. */
export interface ServiceStartedEvent {
  readonly type: 'lifecycle.started';
  readonly policy: 'lifecycle';
  readonly name: string;
}

/** The service is not ready any more, and begins to stop. */
export interface ServiceStoppingEvent {
  readonly type: 'lifecycle.stopping';
  readonly policy: 'lifecycle';
  readonly name: string;
  readonly reason: StopReason;
}

/** A component has been drained or closed, or was left behind. */
export interface ServiceStepEvent {
  readonly type: 'lifecycle.step-ended';
  readonly policy: 'lifecycle';
  readonly name: string;
  readonly step: StopStep;
}

/** The service has stopped. */
export interface ServiceStoppedEvent {
  readonly type: 'lifecycle.stopped';
  readonly policy: 'lifecycle';
  readonly name: string;
  readonly report: StopReport;
}

/** A second signal has cut the stopping short: the process ends at once. */
export interface ServiceForcedEvent {
  readonly type: 'lifecycle.forced';
  readonly policy: 'lifecycle';
  readonly name: string;
  readonly signal: string;
  readonly exitCode: number;
}

/** All of them. */
export type LifecycleEvent =
  | ComponentStartedEvent
  | ServiceStartedEvent
  | ServiceStoppingEvent
  | ServiceStepEvent
  | ServiceStoppedEvent
  | ServiceForcedEvent;

/** What an event tells besides whose it is. */
export type LifecycleNews<E extends LifecycleEvent = LifecycleEvent> = E extends LifecycleEvent
  ? Omit<E, 'policy' | 'name'>
  : never;
