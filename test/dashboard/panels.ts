/**
 * Panels: what the dashboard shows, row by row: first what people get, then what is behind it, then every metric that no panel
 * has named yet, so that none is missing.
 *
 * @module
 */

import { type MetricDescription, metricDescriptions } from '@holdfast/prometheus';

import { metricsIn, selector } from './metric-query.ts';

/** One query of a panel. */
interface PanelQuery {
  readonly expr: string;
  /** How its series are called. */
  readonly legend: string;
}

/** One panel. */
export interface Panel {
  readonly title: string;
  readonly kind: 'lines' | 'states';
  /** Grafana's name of the unit. */
  readonly unit: string;
  readonly description?: string;
  readonly queries: readonly PanelQuery[];
}

/** Panels under one heading. */
export interface PanelRow {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** All rows. */
export function panelRows(): readonly PanelRow[] {
  const named = new Set(
    mainRows.flatMap(({ panels }) => panels.flatMap(({ queries }) => queries.flatMap(({ expr }) => metricsIn(expr)))),
  );
  const others = metricDescriptions.filter(({ name }) => !named.has(name)).map(plainPanel);
  return [...mainRows, { title: 'Everything else', panels: others }];
}

// --- internal ---

/** Matchers of the dashboard's variables. */
const service = 'job=~"$service"';
const policy = 'name=~"$policy"';

function rate(name: string, ...matchers: readonly string[]): string {
  return `rate(${selector(name, service, policy, ...matchers)}[$__rate_interval])`;
}

function value(name: string, ...matchers: readonly string[]): string {
  return selector(name, service, policy, ...matchers);
}

function feature(name: string, ...matchers: readonly string[]): string {
  return selector(name, service, ...matchers);
}

function by(labels: string, expr: string): string {
  return `sum by (${labels}) (${expr})`;
}

function lines(title: string, unit: string, ...queries: readonly (readonly [expr: string, legend: string])[]): Panel {
  return { title, kind: 'lines', unit, queries: queries.map(([expr, legend]) => ({ expr, legend })) };
}

const stateNumbers = [
  ['closed', 0],
  ['forced_closed', 1],
  ['half_open', 2],
  ['open', 3],
  ['forced_open', 4],
] as const;

const worstState = stateNumbers
  .map(([state, number]) => `(max by (name) (${value('circuit_state', `state="${state}"`)}) > 0) * ${number}`)
  .toReversed()
  .join(' or ');

const mainRows: readonly PanelRow[] = [
  {
    title: 'What people get',
    panels: [
      lines('Calls by outcome', 'ops', [by('name, outcome', rate('calls_total')), '{{name}} {{outcome}}']),
      lines('Calls in flight', 'short', [by('name', value('calls_in_flight')), '{{name}}']),
      lines('Duration, p99', 's', [
        `histogram_quantile(0.99, ${by('name, le', rate('call_duration_seconds'))})`,
        '{{name}}',
      ]),
      lines('Answers by a substitute', 'ops', [by('name', rate('fallbacks_total')), '{{name}}']),
      lines('Deadline left when requests come, p10', 's', [
        `histogram_quantile(0.1, ${by('name, le', `rate(${feature('context_ttl_seconds')}[$__rate_interval])`)})`,
        '{{name}}',
      ]),
    ],
  },
  {
    title: 'Circuits',
    panels: [
      {
        title: 'Circuits',
        kind: 'states',
        unit: 'short',
        description: 'The worst state over all instances.',
        queries: [{ expr: worstState, legend: '{{name}}' }],
      },
      lines('Time in the present state', 's', [`max by (name) (${value('circuit_state_seconds')})`, '{{name}}']),
      lines('Openings', 'short', [
        `sum by (name) (increase(${value('circuit_transitions_total', 'to="open"')}[$__rate_interval]))`,
        '{{name}}',
      ]),
      lines('Verdicts on dependencies', 'ops', [
        by('name, verdict', rate('circuit_calls_total')),
        '{{name}} {{verdict}}',
      ]),
    ],
  },
  {
    title: 'Refusals, retries and limits',
    panels: [
      lines('Rejections by reason', 'ops', [
        by('policy, name, reason', rate('rejections_total')),
        '{{policy}} {{name}} {{reason}}',
      ]),
      lines('Tries per call (retry amplification)', 'short', [
        `${by('name', rate('attempts_total', 'policy="retry"'))} / (${by('name', rate('attempts_total', 'policy="retry"'))} - ${by('name', rate('retries_total'))} > 0)`,
        '{{name}}',
      ]),
      lines('Retries given up, by reason', 'ops', [
        by('name, reason', rate('retry_give_ups_total')),
        '{{name}} {{reason}}',
      ]),
      lines(
        'Bulkheads',
        'short',
        [by('name', value('bulkhead_running_calls')), '{{name}} running'],
        [by('name', value('bulkhead_queued_calls')), '{{name}} queued'],
        [by('name', value('bulkhead_max_concurrent_calls')), '{{name}} limit'],
      ),
      lines('Timeouts', 'ops', [by('name', rate('timeouts_total')), '{{name}}']),
      lines('Runs that go on after their timeout', 'short', [by('name', value('timeout_late_runs')), '{{name}}']),
    ],
  },
  {
    title: 'Features and load',
    panels: [
      lines('Degraded features', 'short', [
        `max by (feature, mode) (${feature('feature_mode')} == 1) and on (feature) max by (feature) (${feature('feature_degraded')} == 1)`,
        '{{feature}} {{mode}}',
      ]),
      lines('Feature calls by mode', 'ops', [
        by('feature, mode', `rate(${feature('feature_calls_total')}[$__rate_interval])`),
        '{{feature}} {{mode}}',
      ]),
      lines('Overrides: time left', 's', [
        `max by (feature) (${feature('feature_override_remaining_seconds')})`,
        '{{feature}}',
      ]),
      lines(
        'Brownout level',
        'short',
        [`max by (name) (${feature('brownout_level')})`, '{{name}}'],
        [`max by (feature) (${feature('feature_level')})`, '{{feature}}'],
      ),
      lines('Pressure by signal', 'short', [`max by (signal) (${feature('brownout_pressure')})`, '{{signal}}']),
    ],
  },
  {
    title: 'Requests and messages that come in',
    panels: [
      lines('HTTP requests by outcome', 'ops', [
        by('name, outcome', `rate(${feature('http_requests_total')}[$__rate_interval])`),
        '{{name}} {{outcome}}',
      ]),
      lines('gRPC calls by outcome', 'ops', [
        by('name, outcome', `rate(${feature('grpc_calls_total')}[$__rate_interval])`),
        '{{name}} {{outcome}}',
      ]),
      lines('Messages by outcome', 'ops', [
        by('name, outcome', `rate(${feature('consumer_messages_total')}[$__rate_interval])`),
        '{{name}} {{outcome}}',
      ]),
      lines(
        'Under way',
        'short',
        [by('name', feature('http_requests_open')), '{{name}} requests'],
        [by('name', feature('grpc_calls_open')), '{{name}} gRPC calls'],
        [by('name', feature('consumer_running_messages')), '{{name}} messages'],
      ),
    ],
  },
  {
    title: 'Stores and deferred work',
    panels: [
      lines('Instances that do not share', 'short', [by('name', feature('store_mode', 'mode="local"')), '{{name}}']),
      lines('Requests to stores', 'ops', [
        by('name, operation, result', `rate(${feature('store_operations_total')}[$__rate_interval])`),
        '{{name}} {{operation}} {{result}}',
      ]),
      lines('Stores of circuits: mean time of a request', 's', [
        `${by('name', `rate(${feature('store_latency_seconds_total')}[$__rate_interval])`)} / (${by('name', `rate(${feature('store_operations_total', 'result="ok"')}[$__rate_interval])`)} > 0)`,
        '{{name}}',
      ]),
      lines('Outboxes', 'short', [`max by (name, state) (${feature('outbox_items')})`, '{{name}} {{state}}']),
      lines('Outboxes: age of the first in line', 's', [
        `max by (name) (${feature('outbox_first_age_seconds')})`,
        '{{name}}',
      ]),
    ],
  },
];

/** The panel of a metric that no other panel names. */
function plainPanel({ name, type, help, unit, labels, aggregator }: MetricDescription): Panel {
  const shown = labels.filter((label) => label !== 'key' && label !== 'le').join(', ');
  const matchers = [service, ...(isOfPolicy(labels) ? [policy] : [])];
  const own = selector(name, ...matchers);
  const legend = shown.replaceAll(/(\w+),?/g, '{{$1}}');
  const expr = {
    counter: `${aggregator} by (${shown}) (rate(${own}[$__rate_interval]))`,
    gauge: `${aggregator} by (${shown}) (${own})`,
    histogram: `histogram_quantile(0.99, ${by(`${shown}, le`, `rate(${own}[$__rate_interval])`)})`,
  }[type];
  const grafanaUnit = type === 'counter' ? 'ops' : ({ seconds: 's', bytes: 'bytes' }[unit] ?? 'short');
  return {
    title: name.replaceAll('_', ' '),
    kind: 'lines',
    unit: grafanaUnit,
    description: help,
    queries: [{ expr, legend }],
  };
}

function isOfPolicy(labels: readonly string[]): boolean {
  return labels.includes('key');
}
