/**
 * Work alerts: features, stores, deferred work, what is supervised, and metrics that are missing.
 *
 * @module
 */

import type { Alert } from './alert.ts';
import { selector } from './metric-query.ts';

const at = 'job="shop",instance="a"';
const place = { job: 'shop', instance: 'a' };

/** About everything else. */
export const workAlerts: readonly Alert[] = [
  {
    name: 'HoldfastFeatureDegradedBeyondExpiry',
    expr: `${selector('feature_degraded')} == 1 unless on (job, instance, feature) ${selector('feature_override_remaining_seconds')} unless on (job, instance, feature) ${selector('feature_level')} > 0`,
    for: '15m',
    severity: 'ticket',
    summary: 'The feature {{ $labels.feature }} is degraded, and nothing that is in force explains it',
    meaning:
      'No override is in force any more and the level is 0, yet the feature is not in its default mode. Restoring takes a few steps after an override has ended; 15 minutes are longer than that.',
    steps: [
      'Ask for the explanation of the feature: `holdfast explain`, or the admin endpoint.',
      'A controller that follows a breaker keeps a mode as long as that breaker is open: look there.',
      'If one instance alone says so, it does not hear of changes: see HoldfastStoreLost.',
    ],
    fires: {
      series: [
        { series: `holdfast_feature_degraded{${at},feature="tips"}`, values: '1x20' },
        { series: `holdfast_feature_level{${at},feature="tips"}`, values: '0x20' },
      ],
      at: '18m',
      labels: { ...place, feature: 'tips' },
    },
    rests: {
      series: [
        { series: `holdfast_feature_degraded{${at},feature="tips"}`, values: '1x20' },
        { series: `holdfast_feature_override_remaining_seconds{${at},feature="tips"}`, values: '600x20' },
        { series: `holdfast_feature_degraded{${at},feature="checkout"}`, values: '1x20' },
        { series: `holdfast_feature_level{${at},feature="checkout"}`, values: '3x20' },
      ],
      at: '18m',
    },
  },
  {
    name: 'HoldfastBrownoutHigh',
    expr: `${selector('brownout_level')} >= 3`,
    for: '5m',
    severity: 'page',
    summary: '{{ $labels.name }} has been at brownout level {{ $value | humanize }} for 5 minutes',
    meaning: 'The service is overloaded and gives up much of what it does. It is built to, and people notice.',
    steps: [
      'See which signal keeps the level up: the panel "Pressure by signal".',
      'Add instances, or turn away load before it comes.',
      'Do not force the level down: requests would fail in place of being reduced.',
    ],
    fires: {
      series: [{ series: `holdfast_brownout_level{${at},name="shop"}`, values: '3.5x10' }],
      at: '8m',
      labels: { ...place, name: 'shop' },
      value: '3.5',
    },
    rests: { series: [{ series: `holdfast_brownout_level{${at},name="shop"}`, values: '2.9x10' }], at: '8m' },
  },
  {
    name: 'HoldfastStoreLost',
    expr: `max without (mode) (${selector('store_mode', 'mode="local"')}) == 1`,
    for: '2m',
    severity: 'ticket',
    summary: 'This instance does not share the state of {{ $labels.name }} with the others',
    meaning:
      'The store cannot be reached, or refuses this instance. Calls go on by what this process knows by itself; circuits and features of the fleet may differ from instance to instance until it is back.',
    steps: [
      'Is it one instance or all? All: the server is down, slow or full. One: its network, its credentials, its version.',
      'The health of the store says why: `problem`, and the last failure.',
      'Nothing has to be done on the way back: state is put together by itself.',
    ],
    fires: {
      series: [{ series: `holdfast_store_mode{${at},name="shop",mode="local"}`, values: '1x6' }],
      at: '4m',
      labels: { ...place, name: 'shop' },
    },
    rests: {
      series: [{ series: `holdfast_store_mode{${at},name="shop",mode="local"}`, values: '0 1 0 0 1 0' }],
      at: '4m',
    },
  },
  {
    name: 'HoldfastMetricsMissing',
    expr: `count by (job) (count_over_time(${selector('calls_in_flight')}[1h])) unless count by (job) (${selector('calls_in_flight')})`,
    for: '2m',
    severity: 'page',
    summary: '{{ $labels.job }} has had metrics within the last hour, and has none now',
    meaning:
      'No instance of the job is scraped any more: all are down, or Prometheus does not reach them. Every other alert is silent now, too.',
    steps: [
      'Ask Prometheus for its targets: does it know the job, and what does the last scrape say?',
      'Call `/metrics` of an instance by hand.',
    ],
    fires: {
      series: [{ series: `holdfast_calls_in_flight{${at},name="prices"}`, values: '0x5 stale' }],
      at: '12m',
      labels: { job: 'shop' },
    },
    rests: { series: [{ series: `holdfast_calls_in_flight{${at},name="prices"}`, values: '0x20' }], at: '12m' },
  },
  {
    name: 'HoldfastOutboxHasDead',
    expr: `max without (instance) (${selector('outbox_items', 'state="dead"')}) > 0`,
    for: '5m',
    severity: 'ticket',
    summary: 'Deferred work in {{ $labels.name }} could not be done, and waits for a person',
    meaning: 'Items were tried as often as may be. People were told that this would be done.',
    steps: [
      'Look at them: `outbox.dead(100)` says of each why.',
      'When the cause is mended, `revive` them; `discard` what must not be done any more.',
    ],
    fires: {
      series: [{ series: `holdfast_outbox_items{${at},name="orders",state="dead"}`, values: '2x10' }],
      at: '8m',
      labels: { job: 'shop', name: 'orders', state: 'dead' },
    },
    rests: {
      series: [{ series: `holdfast_outbox_items{${at},name="orders",state="waiting"}`, values: '2x10' }],
      at: '8m',
    },
  },
  {
    name: 'HoldfastOutboxStuck',
    expr: `max without (instance) (${selector('outbox_first_age_seconds')}) > 900`,
    for: '5m',
    severity: 'ticket',
    summary: 'The first in line of {{ $labels.name }} has waited for more than 15 minutes',
    meaning: 'Deferred work is not done, or not as fast as it comes.',
    steps: [
      'Is it still meant to be deferred? While the feature is, nothing is delivered.',
      'Is what it needs reachable? Failed deliveries are told as `deferral.failed`.',
      'If it is only slow, raise `maxPerSecond` as far as the receiver can bear.',
    ],
    fires: {
      series: [{ series: `holdfast_outbox_first_age_seconds{${at},name="orders"}`, values: '1000x10' }],
      at: '8m',
      labels: { job: 'shop', name: 'orders' },
    },
    rests: {
      series: [{ series: `holdfast_outbox_first_age_seconds{${at},name="orders"}`, values: '100x10' }],
      at: '8m',
    },
  },
  {
    name: 'HoldfastContextLeaks',
    expr: `increase(${selector('context_leaks_total')}[1h]) > 0`,
    for: '0s',
    severity: 'ticket',
    summary: 'Contexts of {{ $labels.name }} are opened and never ended',
    meaning: 'Somebody makes contexts without a deadline and forgets them. Each keeps its values and its listeners.',
    steps: [
      'The snapshot of the monitor says where they were made: `leaks[].origin`.',
      'Use `using`, or give them a deadline.',
    ],
    fires: {
      series: [{ series: `holdfast_context_leaks_total{${at},name="requests"}`, values: '0x10 3x20' }],
      at: '25m',
      labels: { ...place, name: 'requests' },
    },
    rests: { series: [{ series: `holdfast_context_leaks_total{${at},name="requests"}`, values: '3x30' }], at: '25m' },
  },
  {
    name: 'HoldfastCrashLoop',
    expr: `increase(${selector('supervisor_crashes_total')}[15m]) > 3`,
    for: '0s',
    severity: 'page',
    summary: '{{ $labels.name }} has crashed more than 3 times in 15 minutes',
    meaning:
      'What is supervised does not stay up. It is started again each time, after longer and longer pauses, and given up in the end.',
    steps: [
      'Its last crash is in `status().lastCrash`, with the last lines that it wrote.',
      'Does it crash on one input? Quarantine it.',
    ],
    fires: {
      series: [{ series: `holdfast_supervisor_crashes_total{${at},name="importer"}`, values: '0+1x20' }],
      at: '18m',
      labels: { ...place, name: 'importer' },
    },
    rests: {
      series: [{ series: `holdfast_supervisor_crashes_total{${at},name="importer"}`, values: '0x5 1x15' }],
      at: '18m',
    },
  },
  {
    name: 'HoldfastChaosRunning',
    expr: `${selector('chaos_running')} == 1`,
    for: '1h',
    severity: 'ticket',
    summary: 'The chaos {{ $labels.name }} has been disturbing calls on purpose for an hour',
    meaning: 'An experiment was started and not ended.',
    steps: ['Switch it off: `update({ enforcement: "off" })`.', 'Give experiments an end: `forMs`, `maxInjections`.'],
    fires: {
      series: [{ series: `holdfast_chaos_running{${at},name="prices"}`, values: '1x65' }],
      at: '62m',
      labels: { ...place, name: 'prices' },
    },
    rests: { series: [{ series: `holdfast_chaos_running{${at},name="prices"}`, values: '1x30 0x35' }], at: '62m' },
  },
  {
    name: 'HoldfastKeysOverflow',
    expr: `rate(${selector('keyed_overflows_total')}[5m]) > 0`,
    for: '10m',
    severity: 'ticket',
    summary: 'Calls of {{ $labels.name }} find no place for their key and share the overflow member',
    meaning:
      'There are more keys in use than `maxKeys`. Those without a place share one circuit or bulkhead: one bad host is felt by all of them.',
    steps: ['Are the keys too fine? A key is a host or a tenant, not a path or a user.', 'If not, raise `maxKeys`.'],
    fires: {
      series: [{ series: `holdfast_keyed_overflows_total{${at},name="hosts"}`, values: '0+5x20' }],
      at: '18m',
      labels: { ...place, name: 'hosts' },
    },
    rests: { series: [{ series: `holdfast_keyed_overflows_total{${at},name="hosts"}`, values: '7x20' }], at: '18m' },
  },
];
