/**
 * Instrument name: what a metric of the table in core is called here.
 *
 * It is what the name of the table becomes again after the usual translation to Prometheus, so that dashboards and alerts fit both.
 *
 * @module
 */

import type { PolicyMetric } from '@holdfast/core/metrics';

/**
 * The name of an instrument: dotted, without what a translation to Prometheus adds by itself. `circuit_state_seconds` keeps its
 * unit, since `circuit_state` is another metric.
 */
export function instrumentName({ name }: Pick<PolicyMetric, 'name'>, prefix: string): string {
  const bare = name.replace(/_total$/, '');
  const plain = bare === 'circuit_state_seconds' ? bare : bare.replace(/_seconds$/, '');
  return prefix + plain.replace('_', '.');
}

/** The unit of an instrument: seconds as `s`, all else as what is counted. */
export function instrumentUnit({ unit }: Pick<PolicyMetric, 'unit'>): string {
  return unit === 'seconds' ? 's' : `{${unit.replaceAll(' ', '_')}}`;
}
