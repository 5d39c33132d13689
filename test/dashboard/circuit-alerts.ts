/**
 * Circuit alerts: dependencies that fail, and what protects from them.
 *
 * @module
 */

import type { Alert } from './alert.ts';
import { selector } from './metric-query.ts';

const at = 'job="shop",instance="a"';
const place = { job: 'shop', instance: 'a' };

/** About circuits, retries, bulkheads and timeouts. */
export const circuitAlerts: readonly Alert[] = [
  {
    name: 'HoldfastCircuitNotClosed',
    expr: `max without (state) (${selector('circuit_state', 'state=~"open|half_open"')}) == 1`,
    for: '2m',
    severity: 'page',
    summary: 'The circuit {{ $labels.name }} has not been closed for 2 minutes',
    meaning:
      'A dependency has failed so often that it is not called any more, and probes have not found it well. Its callers are refused, or get what stands in. A circuit whose dependency stays down is open and half-open in turn; the alert takes both together, so that it does not start anew with each probe.',
    steps: [
      'Look at the dependency: is it down, slow, or refusing this caller? The panel "Verdicts on dependencies" shows since when.',
      'Ask the admin endpoint for the circuit: its snapshot says why it opened (`tripReason`) and when it lets the next probe through.',
      'Do not force it closed to "try": probes do that, and a held circuit counts nothing.',
      'If people get too little, switch the features that need it to a reduced mode until it is back.',
    ],
    fires: {
      series: [
        { series: `holdfast_circuit_state{${at},name="prices",state="open"}`, values: '1 0 1 0 1 0' },
        { series: `holdfast_circuit_state{${at},name="prices",state="half_open"}`, values: '0 1 0 1 0 1' },
      ],
      at: '5m',
      labels: { ...place, name: 'prices' },
    },
    rests: {
      series: [{ series: `holdfast_circuit_state{${at},name="prices",state="open"}`, values: '0 1 0 0 0 1' }],
      at: '5m',
    },
  },
  {
    name: 'HoldfastCircuitFlapping',
    expr: `sum without (from) (increase(${selector('circuit_transitions_total', 'to="open"')}[10m])) > 3`,
    for: '0s',
    severity: 'ticket',
    summary: 'The circuit {{ $labels.name }} has opened more than 3 times in 10 minutes',
    meaning:
      'The dependency answers probes and then fails under the load that comes back, or the circuit opens too easily: a window that is too short, too few calls to judge by, a slow limit that is too low.',
    steps: [
      'Compare the load before and after each closing: a dependency that falls over again needs `rampUpMs`.',
      'Look at `minimumCalls` and the window: with few calls one failure is a large share.',
      'Let it stay open for longer: `openForMs`, `openBackoffRatio`.',
    ],
    fires: {
      series: [
        {
          series: `holdfast_circuit_transitions_total{${at},name="prices",from="half_open",to="open"}`,
          values: '0+1x15',
        },
        { series: `holdfast_circuit_transitions_total{${at},name="prices",from="closed",to="open"}`, values: '0+0x15' },
      ],
      at: '12m',
      labels: { ...place, name: 'prices', to: 'open' },
    },
    rests: {
      series: [
        {
          series: `holdfast_circuit_transitions_total{${at},name="prices",from="closed",to="open"}`,
          values: '0 1 2 2x12',
        },
      ],
      at: '12m',
    },
  },
  {
    name: 'HoldfastCircuitHeld',
    expr: `max without (state) (${selector('circuit_state', 'state=~"forced_open|forced_closed"')}) == 1`,
    for: '1h',
    severity: 'ticket',
    summary: 'The circuit {{ $labels.name }} has been held by somebody for an hour',
    meaning:
      'Somebody has forced the circuit open or closed, and has not released it. A circuit that is held closed protects nobody.',
    steps: ['Ask the admin endpoint who holds it and why.', 'Release it, or let the hold have an end.'],
    fires: {
      series: [{ series: `holdfast_circuit_state{${at},name="prices",state="forced_closed"}`, values: '1x65' }],
      at: '62m',
      labels: { ...place, name: 'prices' },
    },
    rests: {
      series: [{ series: `holdfast_circuit_state{${at},name="prices",state="forced_closed"}`, values: '1x30 0x35' }],
      at: '62m',
    },
  },
  {
    name: 'HoldfastRetryBudgetSpent',
    expr: `sum without (reason) (rate(${selector('retry_give_ups_total', 'reason="budget"')}[2m])) > 0`,
    for: '2m',
    severity: 'ticket',
    summary: 'The retry {{ $labels.name }} has run out of its budget',
    meaning:
      'As large a share of the calls as may be was retried already, and others failed without another try. The dependency is down, not flaky: more retries would only add load.',
    steps: [
      'Treat it as a failing dependency: see HoldfastCircuitNotClosed.',
      'Do not raise `maxRetryRatio` while it lasts.',
      'If it fires and the dependency is well, look for errors that are retried and should not be: `isRetryable`.',
    ],
    fires: {
      series: [{ series: `holdfast_retry_give_ups_total{${at},name="prices",reason="budget"}`, values: '0+6x10' }],
      at: '6m',
      labels: { ...place, name: 'prices' },
    },
    rests: {
      series: [{ series: `holdfast_retry_give_ups_total{${at},name="prices",reason="attempts"}`, values: '0+6x10' }],
      at: '6m',
    },
  },
  {
    name: 'HoldfastRetryAmplification',
    expr: 'job_name:holdfast_retry_amplification:ratio_rate5m > 1.5',
    for: '5m',
    severity: 'ticket',
    summary: 'Retries of {{ $labels.name }} make {{ $value | humanize }} tries of each call',
    meaning:
      'The dependency gets half as many calls again as people make, or more. With retries at several levels these factors multiply.',
    steps: [
      'Find out what fails: "Verdicts on dependencies", and the give-ups by reason.',
      'Retry at one level only, the one next to the dependency, and keep the budget at its default of a fifth.',
    ],
    fires: {
      series: [
        { series: `holdfast_attempts_total{${at},policy="retry",name="prices"}`, values: '0+120x20' },
        { series: `holdfast_retries_total{${at},name="prices"}`, values: '0+60x20' },
      ],
      at: '15m',
      labels: { job: 'shop', name: 'prices' },
      value: '2',
    },
    rests: {
      series: [
        { series: `holdfast_attempts_total{${at},policy="retry",name="prices"}`, values: '0+72x20' },
        { series: `holdfast_retries_total{${at},name="prices"}`, values: '0+12x20' },
      ],
      at: '15m',
    },
  },
  {
    name: 'HoldfastBulkheadQueueing',
    expr: `${selector('bulkhead_queued_calls')} > 0`,
    for: '5m',
    severity: 'ticket',
    summary: 'Calls have waited at the bulkhead {{ $labels.name }} for 5 minutes without a pause',
    meaning: 'This is no burst: the bulkhead is too small, or what is inside it has become slow.',
    steps: [
      'Look at the durations of the calls: if they have grown, the dependency is slow, and a larger bulkhead makes it slower.',
      'If they have not, the load has grown: raise `maxConcurrent`, or add instances.',
    ],
    fires: {
      series: [{ series: `holdfast_bulkhead_queued_calls{${at},name="prices"}`, values: '3x10' }],
      at: '8m',
      labels: { ...place, name: 'prices' },
    },
    rests: {
      series: [
        { series: `holdfast_bulkhead_queued_calls{${at},name="prices"}`, values: '3 3 3 3 0 3 3 3 3 3' },
        { series: `holdfast_bulkhead_queued_calls{${at},name="just started"}`, values: '_ _ _ _ _ _ 3 3 3 3' },
      ],
      at: '8m',
    },
  },
  {
    name: 'HoldfastRunsOutliveTheirTime',
    expr: `${selector('timeout_late_runs')} > 10`,
    for: '10m',
    severity: 'ticket',
    summary: 'More than 10 operations of {{ $labels.name }} go on although their calls have timed out',
    meaning:
      'The operation ignores its context: callers have got their timeout, and the work goes on, holding connections and memory.',
    steps: [
      'Hand the signal of the context on to whatever the operation calls: `fetch(url, { signal: context.signal })`.',
      'Put a bulkhead inside the timeout, so that there can be only so many.',
    ],
    fires: {
      series: [{ series: `holdfast_timeout_late_runs{${at},name="prices"}`, values: '12x15' }],
      at: '12m',
      labels: { ...place, name: 'prices' },
    },
    rests: {
      series: [
        { series: `holdfast_timeout_late_runs{${at},name="prices"}`, values: '12x5 3 12x10' },
        { series: `holdfast_timeout_late_runs{${at},name="just started"}`, values: '_x9 12x10' },
      ],
      at: '12m',
    },
  },
];
