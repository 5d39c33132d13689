/**
 * Service: every public name, grouped by concept.
 *
 * @module
 */

// Background work
export * from './tracker/background-work.ts';
export { type TrackerOptions, createTracker, trackerDefaults } from './tracker/tracker.ts';
export * from './drain/drain-report.ts';

// Work that somebody waits for
export { type WorkerPool, type WorkerPoolOptions, workerPool, workerPoolDefaults } from './worker-pool/worker-pool.ts';
export * from './group/group.ts';
