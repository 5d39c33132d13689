/**
 * Context monitor: how many contexts of requests are open, how large they are, how long they may live, and which were
 * forgotten.
 *
 * A context is forgotten, a leak, when it has no deadline and nobody has ended it for `maxAgeMs`. One with a deadline ends by
 * itself. To find the place that forgets, some contexts remember where they were opened.
 *
 * Invariants
 *  (1) Each leak is counted and told once.
 *  (2) Tracking hooks nothing to a context and sets no timer.
 *  (3) A hook that throws changes nothing.
 *
 * @module
 */

import {
  callHook,
  type Clock,
  type Context,
  drawFrom,
  inRange,
  integerInRange,
  isFunction,
  isName,
  type Random,
  requireContext,
  systemClock,
  systemRandom,
  withKnown,
} from '@holdfast/core';

import { type ContextSchema, requireSchema } from '../schema/context-schema.ts';
import { sizeOfValues } from '../schema/value-size.ts';
import { Histogram, type HistogramSnapshot } from './histogram.ts';
import { type OpenContext, OpenContexts } from './open-contexts.ts';

/** Options of {@link createContextMonitor}. Omitted ones take {@link contextMonitorDefaults}. */
export interface ContextMonitorOptions {
  /** Whose it is, in metrics and leaks. @defaultValue 'context' */
  readonly name?: string;
  /** The values whose size is measured; without it none is. */
  readonly schema?: ContextSchema;
  /**
   * How long a context without a deadline may be open before it counts as a leak. Milliseconds, 1 to 86 400 000; Infinity finds
   * none. @defaultValue 300_000
   */
  readonly maxAgeMs?: number;
  /** Share of contexts that remember where they were opened, which costs microseconds. Number, 0 to 1. @defaultValue 0.01 */
  readonly originRatio?: number;
  /** Open contexts that are watched; what comes beyond is counted only. Integer, 0 to 1 000 000. @defaultValue 100_000 */
  readonly maxOpen?: number;
  /** Told of each leak. */
  readonly onLeak?: (leak: ContextLeak) => unknown;
  /** Source of time. */
  readonly clock?: Clock;
  /** Chooses which contexts remember where they were opened. */
  readonly random?: Random;
}

/** Every default of {@link createContextMonitor}, in one place. */
export const contextMonitorDefaults: Required<Omit<ContextMonitorOptions, 'schema' | 'onLeak'>> = Object.freeze({
  name: 'context',
  maxAgeMs: 300_000,
  originRatio: 0.01,
  maxOpen: 100_000,
  clock: systemClock,
  random: systemRandom,
});

/** A context that nobody has ended. */
export interface ContextLeak {
  /** What it was opened for, as told to `track`. */
  readonly name: string;
  /** How long it has been open. Milliseconds. */
  readonly openForMs: number;
  /** Where it was opened, a stack; undefined if it was not among those that remember. */
  readonly origin: string | undefined;
}

/** What a monitor knows at one instant. */
export interface ContextSnapshot {
  readonly name: string;
  /** Contexts that were tracked so far. */
  readonly openedCount: number;
  /** Those that have not ended, without leaks and without those beyond `maxOpen`. */
  readonly openCount: number;
  /** Those that were forgotten so far. */
  readonly leakCount: number;
  /** Those that were not watched, because `maxOpen` were open. */
  readonly unwatchedCount: number;
  /** Those that had no deadline when they were opened. */
  readonly endlessCount: number;
  /** Bytes of the names and values of the schema, when they were opened. */
  readonly sizeBytes: HistogramSnapshot;
  /** Seconds until the deadline, when they were opened, of those that had one. */
  readonly ttlSeconds: HistogramSnapshot;
  /** The last leaks, ten at most, the oldest first. */
  readonly leaks: readonly ContextLeak[];
}

/** Watches the contexts of requests. */
export interface ContextMonitor {
  /** Watches `context` from now on, and returns it. `name` says what it is for: `GET /orders`. */
  track<C extends Context>(context: C, name?: string): C;
  /** What is known now. It looks at every open context. */
  snapshot(): ContextSnapshot;
}

/**
 * Creates a monitor. It holds no timer, so there is nothing to close.
 *
 * @throws ConfigError when an option is out of range.
 */
export function createContextMonitor(options: ContextMonitorOptions = {}): ContextMonitor {
  const state = new MonitorState(resolve(options));
  return Object.freeze({
    track<C extends Context>(context: C, name?: string): C {
      state.track(context, name);
      return context;
    },
    snapshot: () => state.snapshot(),
  });
}

// --- internal ---

type Settings = Required<Omit<ContextMonitorOptions, 'schema' | 'onLeak'>> &
  Pick<ContextMonitorOptions, 'schema' | 'onLeak'>;

const SIZE_BOUNDS = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192];
const TTL_BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const MAX_RECENT = 10;

class MonitorState {
  readonly #settings: Settings;
  readonly #open: OpenContexts;
  readonly #sizes = new Histogram(SIZE_BOUNDS);
  readonly #ttls = new Histogram(TTL_BOUNDS);
  readonly #leaks: ContextLeak[] = [];
  #openedCount = 0;
  #leakCount = 0;
  #unwatchedCount = 0;
  #endlessCount = 0;

  constructor(settings: Settings) {
    const { clock, maxAgeMs } = settings;
    this.#settings = settings;
    this.#open = new OpenContexts(
      ({ context, openedAt }) => context.deadline === Infinity && clock.now() - openedAt > maxAgeMs,
      (open) => this.#leak(open),
    );
  }

  track(context: Context, name: string = this.#settings.name): void {
    requireContext('track', context);
    const leftMs = context.remainingMs();
    this.#measure(context, leftMs);
    const { clock, maxOpen } = this.#settings;
    if (!this.#open.hasRoom(maxOpen)) this.#unwatchedCount++;
    else this.#open.add({ context, openedAt: clock.now(), name, origin: this.#originOf(name, leftMs) });
  }

  snapshot(): ContextSnapshot {
    return Object.freeze({
      name: this.#settings.name,
      openCount: this.#open.sweep(),
      openedCount: this.#openedCount,
      leakCount: this.#leakCount,
      unwatchedCount: this.#unwatchedCount,
      endlessCount: this.#endlessCount,
      sizeBytes: this.#sizes.snapshot(),
      ttlSeconds: this.#ttls.snapshot(),
      leaks: Object.freeze([...this.#leaks]),
    });
  }

  #measure(context: Context, leftMs: number): void {
    const { schema } = this.#settings;
    this.#openedCount++;
    if (leftMs === Infinity) this.#endlessCount++;
    else this.#ttls.add(leftMs / 1000);
    if (schema !== undefined) this.#sizes.add(sizeOfValues(schema, context));
  }

  /** Where we are, of some of those that can leak. */
  #originOf(name: string, leftMs: number): Error | undefined {
    const { originRatio, random, name: monitor } = this.#settings;
    if (leftMs !== Infinity || originRatio === 0) return undefined;
    const drawn = drawFrom(random, monitor) ?? systemRandom(); // (3)
    return drawn < originRatio ? new Error(name) : undefined;
  }

  #leak({ name, openedAt, origin }: OpenContext): void {
    const { clock, onLeak, name: monitor } = this.#settings;
    const leak = Object.freeze({ name, openForMs: clock.now() - openedAt, origin: origin?.stack });
    this.#leakCount++; // (1)
    this.#leaks.push(leak);
    if (this.#leaks.length > MAX_RECENT) this.#leaks.shift();
    callHook('onLeak', monitor, () => onLeak?.(leak)); // (3)
  }
}

function resolve(options: ContextMonitorOptions): Settings {
  const resolved = withKnown('monitor', contextMonitorDefaults, options, ['schema', 'onLeak']);
  const { name, schema, maxAgeMs, originRatio, maxOpen, onLeak, random } = resolved;
  isName('monitor.name', name);
  if (schema !== undefined) requireSchema('monitor.schema', schema);
  if (maxAgeMs !== Infinity) inRange('monitor.maxAgeMs', maxAgeMs, [1, 86_400_000]);
  inRange('monitor.originRatio', originRatio, [0, 1]);
  integerInRange('monitor.maxOpen', maxOpen, [0, 1_000_000]);
  if (onLeak !== undefined) isFunction('monitor.onLeak', onLeak);
  isFunction('monitor.random', random);
  return resolved;
}
