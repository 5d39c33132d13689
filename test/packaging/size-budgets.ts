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
  '.': 60_400,
  bulkhead: 10_200,
  cache: 11_500,
  chaos: 10_500,
  'circuit-breaker': 17_000,
  coalesce: 8700,
  fallback: 10_000,
  hedge: 11_500,
  keyed: 12_200,
  noop: 7000,
  'rate-limiter': 10_000,
  retry: 12_000,
  testing: 4000,
  timeout: 8700,
};
