/**
 * Size budgets: what each export of core may weigh in an application that uses nothing else of it, minified and compressed,
 * with everything that it needs. One table, which the tests hold the packed package to and the page of sizes shows.
 *
 * A budget is raised on purpose, in the change that needs it, with the reason in its description.
 *
 * @module
 */

/** Bytes, minified and gzipped, by the subpath of `@holdfast/core`; `.` is everything. */
export const sizeBudgets: Readonly<Record<string, number>> = {
  '.': 57_000,
  bulkhead: 10_000,
  cache: 11_500,
  chaos: 10_000,
  'circuit-breaker': 16_500,
  coalesce: 8500,
  fallback: 9500,
  hedge: 11_000,
  keyed: 10_000,
  noop: 6600,
  'rate-limiter': 9500,
  retry: 11_500,
  testing: 4000,
  timeout: 8500,
};
