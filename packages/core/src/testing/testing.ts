/**
 * Testing: what tests of code that uses Holdfast need. Import it from `@holdfast/core/testing`.
 *
 * @module
 */

export {
  type CircuitStoreSubject,
  type ConformanceBreaker,
  type ConformanceCase,
  type ConformanceOptions,
  circuitStoreConformance,
} from './circuit-store-conformance.ts';
export { type EventRecorder, recordEvents } from './event-recorder.ts';
export { seededRandom } from './seeded-random.ts';
export { type VirtualClock, settle, virtualClock } from './virtual-clock.ts';
