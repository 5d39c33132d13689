/**
 * Prometheus: the metrics of a registry's policies, of a degradation's features and of a monitor's contexts, in a register of
 * prom-client.
 *
 * Policies count by themselves; this reads their counts when somebody scrapes, and does nothing in between.
 *
 * Invariants
 *  (1) A scrape says what the snapshots say at that instant.
 *  (2) A scrape changes nothing: scraping twice gives the same.
 *  (3) Exporting the same registry twice counts nothing twice.
 *  (4) `close` takes away what its call brought, and nothing else.
 *
 * @module
 */

import { ConfigError, type Registry, integerInRange, withKnown } from '@holdfast/core';

import type { ContextSource } from './context-source.ts';
import type { DegradationSource } from './degradation-source.ts';
import { type PrometheusRegister, type Subscription, metricSetOf } from './metric-set.ts';

/** Options of {@link prometheus}. Omitted ones take {@link prometheusDefaults}. */
export interface PrometheusOptions {
  /** The register of prom-client that the metrics go to. */
  readonly register: PrometheusRegister;
  /** The policies to export: those that the registry holds whenever somebody scrapes. */
  readonly registry: Registry;
  /** The features to export; without it there are none. */
  readonly degradation?: DegradationSource | undefined;
  /** The contexts to export, of a monitor of `@holdfast/context`; without it there are none. */
  readonly contexts?: ContextSource | undefined;
  /** What all names begin with. Letters, digits and underscores, no digit first; may be empty. @defaultValue 'holdfast_' */
  readonly prefix?: string | undefined;
  /**
   * Names of one kind of policy that have series of their own; what comes later is counted together as `__other__`. Integer,
   * 1 to 100 000. Of several calls for one register and prefix the largest holds.
   * @defaultValue 500
   */
  readonly maxNames?: number | undefined;
}

/** Every default of {@link prometheus}, in one place. */
export const prometheusDefaults: { readonly prefix: string; readonly maxNames: number } = Object.freeze({
  prefix: 'holdfast_',
  maxNames: 500,
});

/** What {@link prometheus} has put into a register. */
export interface PrometheusExporter {
  /** Takes it out again. May be called twice; does nothing the second time. */
  close(): void;
}

/**
 * Exports the policies of a registry, and what else is given: the features of a degradation, the contexts of a monitor.
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
  const { register, prefix, ...subscription } = resolve(options);
  const metrics = metricSetOf(register, prefix);
  metrics.add(subscription);
  return { close: () => metrics.remove(subscription) };
}

// --- internal ---

type Settings = Subscription & { readonly register: PrometheusRegister; readonly prefix: string };

const withoutDefault = ['register', 'registry', 'degradation', 'contexts'];

function resolve(options: PrometheusOptions): Settings {
  const resolved = withKnown('prometheus', prometheusDefaults, options, withoutDefault);
  const { register, registry, degradation, contexts, prefix, maxNames } = resolved;
  check('register', 'a Registry of prom-client', register, typeof register?.registerMetric === 'function');
  check('registry', 'a Registry of @holdfast/core', registry, typeof registry?.[Symbol.iterator] === 'function');
  if (degradation !== undefined) {
    check('degradation', 'a degradation with list()', degradation, typeof degradation?.list === 'function');
  }
  if (contexts !== undefined) {
    check('contexts', 'a monitor with snapshot()', contexts, typeof contexts?.snapshot === 'function');
  }
  check('prefix', 'letters, digits and underscores, no digit first', prefix, /^(?:[a-zA-Z_]\w*)?$/.test(prefix));
  integerInRange('prometheus.maxNames', maxNames, [1, 100_000]);
  return { register, registry, degradation, contexts, prefix, maxNames };
}

function check(option: string, expectation: string, value: unknown, isValid: boolean): void {
  if (!isValid) throw new ConfigError(`prometheus.${option}`, expectation, value);
}
