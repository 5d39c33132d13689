/**
 * Alert: what wakes people, what it means to them and what they can do; and when it must fire and must not.
 *
 * @module
 */

/** A series of a unit test, and its values a minute apart, in the words of promtool: `1x10`, `0+5x10`. */
interface ExampleSeries {
  readonly series: string;
  readonly values: string;
}

/** When a rule is tried, and what there is then. */
export interface AlertExample {
  readonly series: readonly ExampleSeries[];
  /** `5m` */
  readonly at: string;
}

/** An alert. */
export interface Alert {
  /** In camel case, from `Holdfast` on. */
  readonly name: string;
  readonly expr: string;
  /** How long it must be so. */
  readonly for: string;
  /** `page` wakes somebody; `ticket` waits for the morning. */
  readonly severity: 'page' | 'ticket';
  /** One line, with `{{ $labels.name }}` for labels. */
  readonly summary: string;
  /** What it means, in a few sentences. */
  readonly meaning: string;
  /** What to do, step by step. */
  readonly steps: readonly string[];
  /** Fires, and carries these labels beside its severity; `value` is what it then says of `$value`. */
  readonly fires: AlertExample & { readonly labels: Readonly<Record<string, string>>; readonly value?: string };
  /** Does not. */
  readonly rests: AlertExample;
}
