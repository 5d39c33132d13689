/**
 * Service: every public name, grouped by concept.
 *
 * @module
 */

// Background work
export * from './tracker/background-work.ts';
export { type TrackerOptions, createTracker, trackerDefaults } from './tracker/tracker.ts';
export {
  type AbandonedRun,
  DrainIncompleteError,
  type DrainReport,
  DrainingError,
  type FinishedRuns,
} from '@holdfast/core';

// Work that somebody waits for
export { type WorkerPool, type WorkerPoolOptions, workerPool, workerPoolDefaults } from './worker-pool/worker-pool.ts';
export * from './group/group.ts';

// Lifecycle
export { type Component } from './lifecycle/component.ts';
export type {
  ComponentStartedEvent,
  LifecycleEvent,
  LifecycleState,
  ServiceForcedEvent,
  ServiceStartedEvent,
  ServiceStepEvent,
  ServiceStoppedEvent,
  ServiceStoppingEvent,
} from './lifecycle/lifecycle-event.ts';
export { type Lifecycle, type LifecycleOptions, createLifecycle, lifecycleDefaults } from './lifecycle/lifecycle.ts';
export { type ProcessPort } from './lifecycle/process-port.ts';
export * from './lifecycle/server-component.ts';
export * from './lifecycle/stop-report.ts';

// Health
export * from './health/health.ts';
export { type HealthProbe, type HealthWarning } from './health/health-check.ts';
export { type HealthRequest, type HealthResponse } from './health/health-handler.ts';
export * from './health/verdict.ts';

// Supervision
export * from './supervise/supervised-body.ts';
export { type SuperviseOptions, type Supervisor, supervise, superviseDefaults } from './supervise/supervise.ts';
export {
  type SupervisorCrashedEvent,
  type SupervisorGaveUpEvent,
  type SupervisorState,
  type SupervisorStatus,
} from './supervise/body-supervisor.ts';
export { type CrashVerdict } from './supervise/restart-intensity.ts';
export * from './supervise/child-process.ts';
export * from './supervise/worker-thread.ts';
export * from './supervise/crash-journal.ts';
export * from './supervise/quarantine.ts';
export * from './supervise/record-store.ts';

// Services
export * from './services/define-services.ts';
export { DisposeFailedError, ServicesDisposedError } from './services/made-services.ts';
