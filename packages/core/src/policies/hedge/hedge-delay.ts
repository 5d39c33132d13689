/**
 * Hedge delay: how long a call may go without a success before one more copy of it starts; fixed, or a quantile of how long
 * calls took of late.
 *
 * Each call gives at most one sample: how long its first copy took. One that did not come to a success (it failed, it was
 * cancelled because another copy won, the caller left) counts with the time that it had, but only where that was the delay
 * or more: it would have taken longer, and the share of the calls that take no longer than the delay is right all the same.
 * Left out, the slowest calls would make the delay shorter and shorter.
 *
 * @module
 */

import {
  type OptionRule,
  type OptionRules,
  checkOptions,
  either,
  integerFrom,
  numberFrom,
} from '../../kernel/option-rules.ts';
import { ConfigError, withKnown } from '../../kernel/options.ts';
import { LatencyHistogram } from '../../mechanisms/latency-histogram.ts';

/** A delay that follows the latency: within `minMs` and `maxMs`, what a share of the calls of late did not exceed. */
export interface LatencyQuantile {
  /** The share of calls that succeed without a hedge. 0.5 to 0.999. */
  readonly quantile: number;
  /** The longest delay, and the delay while too few calls are known. Milliseconds, `minMs` to 600 000. */
  readonly maxMs: number;
  /** The shortest delay. Milliseconds, 0 to 600 000; by default 0. */
  readonly minMs?: number;
  /** Calls that must be known before the quantile means anything. Integer, 1 to 10 000; by default 20. */
  readonly minimumCalls?: number;
  /** Time for which a call is remembered, and half of it at least. Milliseconds, 1000 to 3 600 000; by default 60 000. */
  readonly windowMs?: number;
}

/** The parts of a {@link LatencyQuantile} that may be omitted. */
const quantileDefaults = Object.freeze({ minMs: 0, minimumCalls: 20, windowMs: 60_000 });

/** What the parts may be. */
const quantileRules: OptionRules = Object.freeze({
  quantile: numberFrom(0.5, 0.999),
  minMs: numberFrom(0, 600_000),
  maxMs: numberFrom(0, 600_000),
  minimumCalls: integerFrom(1, 10_000),
  windowMs: numberFrom(1000, 3_600_000),
});

/** What `hedge.delayMs` may be. */
export const delayRule: OptionRule = either(numberFrom(0, 600_000), {
  expectation: 'a latency quantile',
  accepts: (value) => typeof value === 'object' && value !== null,
  schema: {
    type: 'object',
    properties: Object.fromEntries(Object.entries(quantileRules).map(([option, { schema }]) => [option, schema])),
    required: ['quantile', 'maxMs'],
    additionalProperties: false,
  },
});

/** Returns `delay` with its defaults. Its kind is checked already. */
export function resolveDelay(delay: number | LatencyQuantile): number | Required<LatencyQuantile> {
  if (typeof delay === 'number') return delay;
  const known = withKnown('hedge.delayMs', quantileDefaults, delay, ['quantile', 'maxMs']);
  checkOptions('hedge.delayMs', quantileRules, known);
  const { quantile, minMs, maxMs, minimumCalls, windowMs } = known;
  if (maxMs < minMs) throw new ConfigError('hedge.delayMs.maxMs', `a number from ${minMs} to 600000`, maxMs);
  return Object.freeze({ quantile, minMs, maxMs, minimumCalls, windowMs });
}

/** The delay of one policy, under options that do not change any more. */
export class HedgeDelay {
  readonly setting: number | Required<LatencyQuantile>;
  /** Whether the delay depends on how long calls take. */
  readonly isMeasured: boolean;
  /** The latencies; undefined where the delay is fixed, so that nobody need know how long calls take. */
  private readonly latencies: LatencyHistogram | undefined;
  private delayMs: number;
  /** Samples since the delay was worked out. */
  private freshCount = 0;

  /** @param before - The delay that this one takes the place of: what it knows is kept. */
  constructor(setting: number | Required<LatencyQuantile>, before?: HedgeDelay) {
    this.setting = setting;
    this.isMeasured = typeof setting !== 'number';
    this.delayMs = typeof setting === 'number' ? setting : setting.maxMs;
    if (typeof setting === 'number') return;
    const known = typeof before?.setting === 'object' && before.setting.windowMs === setting.windowMs;
    this.latencies = known ? before.latencies : new LatencyHistogram({ ...histogramShape, windowMs: setting.windowMs });
    this.refresh(setting);
  }

  /** The delay of a call that starts `now`, in milliseconds. A fixed one asks for no instant. */
  currentMs(now: number): number {
    const { setting, latencies } = this;
    if (latencies === undefined || typeof setting === 'number') return this.delayMs;
    const isStale = latencies.expire(now) || this.freshCount >= Math.min(latencies.count / 16, MAX_FRESH_COUNT);
    if (isStale) this.refresh(setting);
    return this.delayMs;
  }

  /** Takes note that a first copy was through after `latencyMs`, in a call whose delay was `delayMs`. */
  sample(latencyMs: number, { succeeded, delayMs, now }: HedgeSample): void {
    if (this.latencies === undefined || (!succeeded && latencyMs < delayMs)) return;
    this.latencies.record(latencyMs, now);
    this.freshCount++;
  }

  /** Works the delay out anew. */
  private refresh({ quantile, minMs, maxMs, minimumCalls }: Required<LatencyQuantile>): void {
    const { latencies } = this;
    const knowsEnough = latencies !== undefined && latencies.count >= minimumCalls;
    this.delayMs = knowsEnough ? Math.min(Math.max(latencies.quantile(quantile), minMs), maxMs) : maxMs;
    this.freshCount = 0;
  }
}

/** How a first copy was through. */
export interface HedgeSample {
  readonly succeeded: boolean;
  /** The delay of its call. Milliseconds. */
  readonly delayMs: number;
  readonly now: number;
}

// --- internal ---

/** An eighth of a millisecond to ten minutes, 3 % off at most: 2.5 kB. */
const histogramShape = Object.freeze({ unitMs: 0.125, maxMs: 600_000, precisionBits: 4 });

/** Samples after which the delay is worked out anew at the latest: reading the histogram costs more than a call. */
const MAX_FRESH_COUNT = 64;
