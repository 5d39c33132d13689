/**
 * Instrument name: what a metric of the table is called here.
 *
 * It is what the name of the table becomes again after the usual translation to Prometheus, so that dashboards and alerts fit both.
 *
 * @module
 */

import type { HistogramPart, Metric } from '@holdfast/metrics';

/**
 * The name of an instrument: dotted, without what a translation to Prometheus adds by itself. `circuit_state_seconds` keeps its
 * unit, since `circuit_state` is another metric.
 */
export function instrumentName({ name }: Pick<Metric, 'name'>, prefix: string): string {
  const bare = name.replace(/_total$/, '');
  const plain = bare === 'circuit_state_seconds' ? bare : bare.replace(/_seconds$/, '');
  return prefix + dotted(plain);
}

/** The unit of an instrument: seconds as `s`, all else as what is counted. */
export function instrumentUnit({ unit }: Pick<Metric, 'unit'>): string {
  return unit === 'seconds' ? 's' : annotated(unit);
}

/**
 * The name of the instrument of one part of a histogram that is read as a whole. It keeps its unit, which a translation would put
 * behind the part.
 */
export function partName({ name }: Pick<Metric, 'name'>, prefix: string, part: HistogramPart): string {
  return `${prefix}${dotted(name)}.${part}`;
}

/** The unit of one part of a histogram: that of the values for their sum, none for what is counted. */
export function partUnit({ unit }: Pick<Metric, 'unit'>, part: HistogramPart): string {
  return part === 'sum' ? annotated(unit) : '';
}

// --- internal ---

function dotted(name: string): string {
  return name.replace('_', '.');
}

/** A unit that stays out of the name: translations leave out what is in braces. */
function annotated(unit: string): string {
  return `{${unit.replaceAll(' ', '_')}}`;
}
