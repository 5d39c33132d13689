/**
 * Prometheus: the metrics of a registry's policies, and of what else a service has that counts, in a register of prom-client.
 *
 * Policies count by themselves; this reads their counts when somebody scrapes. In between it does nothing but keep the
 * durations of calls in buckets.
 *
 * Invariants
 *  (1) A scrape says what the snapshots say at that instant.
 *  (2) A scrape changes nothing: scraping twice gives the same.
 *  (3) Exporting the same registry twice counts nothing twice.
 *  (4) `close` takes away what its call brought, and nothing else.
 *
 * @module
 */

import { metricSetOf } from './metric-set.ts';
import { type PrometheusOptions, resolve } from './prometheus-options.ts';

/** What {@link prometheus} has put into a register. */
export interface PrometheusExporter {
  /** Takes it out again. May be called twice; does nothing the second time. */
  close(): void;
}

/**
 * Exports the policies of a registry, and what else is given: features, contexts, the brownout level, stores, outboxes,
 * background work, what is supervised, pools.
 *
 * May be called again for the same register, with the same registry or another: the metrics are shared, and stay until
 * the last exporter is closed.
 *
 * @throws ConfigError when an option is out of range.
 * @throws TypeError when the register has a metric of the same name that is not ours.
 *
 * @example
 * ```ts
 * const exporter = prometheus({ register, registry });
 * ```
 */
export function prometheus(options: PrometheusOptions): PrometheusExporter {
  const { register, prefix, sources, durations } = resolve(options);
  return { close: metricSetOf(register, prefix).add(sources, durations) };
}
