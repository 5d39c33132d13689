/**
 * Enrichment: values that are worked out for each request, such as a place for an address, and given up under load.
 *
 * ```
 *   all ◄── load is gone ── auto ── isOverloaded() ──► cheap        or by hand: all, cheap, essential
 * ```
 *
 * Invariants
 *  (1) Essential enrichers always run; of the others, those run that the mode allows.
 *  (2) An enricher that fails, hangs or is left out costs its own value, nothing else.
 *  (3) Nobody waits for one that is not essential longer than `maxWaitMs`, nor for any when the context has ended.
 *
 * @module
 */

import {
  askHook,
  type Clock,
  type Context,
  type ContextKey,
  inRange,
  isFunction,
  oneOf,
  reportHookError,
  requireContext,
  systemClock,
  withKnown,
} from '@holdfast/core';

import { EnricherCost } from './enricher-cost.ts';
import { type Enricher, type EnricherSettings, resolveEnrichers } from './enricher.ts';
import { waitForRun } from './enricher-run.ts';

/**
 * Which enrichers run: `all`; `cheap`, without those that cost more than `maxCostMs`; only the `essential` ones; `auto`, which is
 * `cheap` while `isOverloaded` says so, and `all` otherwise.
 */
export type EnrichmentMode = 'auto' | 'all' | 'cheap' | 'essential';

/** Options of {@link createEnrichment}. Omitted ones take {@link enrichmentDefaults}. */
export interface EnrichmentOptions<T extends object = object> {
  /** The enrichers, by name. */
  readonly enrichers: { readonly [N in keyof T]: Enricher<T[N]> };
  /** Which of them run. @defaultValue 'auto' */
  readonly mode?: EnrichmentMode;
  /**
   * What an enricher that is not essential may cost on average where only cheap ones run. Milliseconds, 0 to 60 000.
   * @defaultValue 15
   */
  readonly maxCostMs?: number;
  /** How long to wait for one that is not essential. Milliseconds, 0 to 60 000; 0 takes only what is there at once. @defaultValue 100 */
  readonly maxWaitMs?: number;
  /** How often one that is left out for its cost is tried again. Milliseconds, 0 to 3 600 000. @defaultValue 10_000 */
  readonly probeEveryMs?: number;
  /**
   * Whether there is more to do than can be done: of a brownout, `() => brownout.level > 0`. Asked once per request; a throw or
   * an answer that is not a boolean, such as a promise, is reported and counts as false.
   */
  readonly isOverloaded?: () => boolean;
  /** Source of time. */
  readonly clock?: Clock;
}

/** Every default of {@link createEnrichment}, in one place. */
export const enrichmentDefaults: Required<Omit<EnrichmentOptions, 'enrichers'>> = Object.freeze({
  mode: 'auto',
  maxCostMs: 15,
  maxWaitMs: 100,
  probeEveryMs: 10_000,
  isOverloaded: () => false,
  clock: systemClock,
});

/** Options that can be changed while it works. */
export type EnrichmentChanges = Pick<EnrichmentOptions, 'mode' | 'maxCostMs' | 'maxWaitMs' | 'probeEveryMs'>;

/** One enricher at one instant. */
export interface EnricherReading {
  readonly name: string;
  readonly isEssential: boolean;
  /** What it costs on average. Milliseconds; undefined before its first run has ended. */
  readonly costMs: number | undefined;
  /** Runs that were started. */
  readonly ranCount: number;
  /** Requests for which it was left out. */
  readonly shedCount: number;
  /** Runs that failed. */
  readonly failedCount: number;
  /** Runs that nobody waited for any more. */
  readonly lateCount: number;
}

/** Enriches contexts. */
export interface Enrichment {
  /**
   * Derives a context with the values of the enrichers. They run side by side; none sees what another found.
   *
   * @throws `context.cause` when the context ends before.
   * @throws TypeError when it is none.
   */
  enrich(context: Context): Promise<Context>;
  /**
   * Changes options at once: the live switch.
   *
   * @throws ConfigError when a value is out of range; then nothing has changed.
   */
  update(changes: EnrichmentChanges): void;
  /** The mode that was set. */
  readonly mode: EnrichmentMode;
  /** What each enricher did so far. */
  snapshot(): readonly EnricherReading[];
}

/**
 * Creates an enrichment.
 *
 * @throws ConfigError when an option is out of range.
 *
 * @example
 * ```ts
 * const enrichment = createEnrichment({
 *   enrichers: { place: { key: place, enrich: (context) => lookUp(context.value(address)) } },
 *   isOverloaded: () => brownout.level > 0,
 * });
 * const enriched = await enrichment.enrich(request);
 * ```
 */
export function createEnrichment<T extends object>(options: EnrichmentOptions<T>): Enrichment {
  let settings = resolve(options);
  const states = resolveEnrichers(settings.enrichers).map((enricher) => new EnricherState(enricher));

  return Object.freeze({
    async enrich(context: Context): Promise<Context> {
      requireContext('enrich', context);
      context.throwIfCancelled();
      const mode = modeNow(settings);
      const chosen = states.filter((state) => state.takesPart(mode, settings)); // (1)
      const values = await Promise.all(chosen.map((state) => state.run(context, settings)));
      context.throwIfCancelled(); // (3)
      return chosen.reduce<Context>((derived, { key }, at) => {
        const value = values[at];
        return value === undefined ? derived : derived.withValue(key, value);
      }, context);
    },
    update(changes: EnrichmentChanges): void {
      const { mode, maxCostMs, maxWaitMs, probeEveryMs, ...unknown } = {
        ...settings,
        ...withKnown('enrichment', {}, changes, changeable),
      };
      settings = resolve({ ...unknown, mode, maxCostMs, maxWaitMs, probeEveryMs });
    },
    get mode() {
      return settings.mode;
    },
    snapshot: () => Object.freeze(states.map((state) => state.reading())),
  });
}

// --- internal ---

type Settings = Required<EnrichmentOptions>;
const changeable = ['mode', 'maxCostMs', 'maxWaitMs', 'probeEveryMs'];

class EnricherState {
  readonly key: ContextKey<unknown>;
  readonly #enricher: EnricherSettings;
  readonly #cost = new EnricherCost();
  #ranCount = 0;
  #shedCount = 0;
  #failedCount = 0;
  #lateCount = 0;

  constructor(enricher: EnricherSettings) {
    this.#enricher = enricher;
    this.key = enricher.key;
  }

  takesPart(mode: EnrichmentMode, { clock, maxCostMs, probeEveryMs }: Settings): boolean {
    if (this.#enricher.isEssential || mode === 'all') return true;
    const isChosen = mode === 'cheap' && this.#cost.isWorthIt(clock.now(), maxCostMs, probeEveryMs);
    if (!isChosen) this.#shedCount++;
    return isChosen;
  }

  /** Returns the value; undefined where it failed or took too long. */
  run(context: Context, { clock, maxWaitMs }: Settings): Promise<unknown> {
    const { name, isEssential, enrich } = this.#enricher;
    const startedAt = clock.now();
    this.#ranCount++;
    this.#cost.noteRun(startedAt);
    return waitForRun(enrich, context, {
      clock,
      maxWaitMs: isEssential ? Infinity : maxWaitMs,
      onEnd: () => this.#cost.add(clock.now() - startedAt),
      onLate: () => this.#lateCount++,
      onFailure: (error) => {
        this.#failedCount++;
        reportHookError(`enrich of ${name}`, error); // (2)
      },
    });
  }

  reading(): EnricherReading {
    const { name, isEssential } = this.#enricher;
    return Object.freeze({
      name,
      isEssential,
      costMs: this.#cost.averageMs,
      ranCount: this.#ranCount,
      shedCount: this.#shedCount,
      failedCount: this.#failedCount,
      lateCount: this.#lateCount,
    });
  }
}

function modeNow({ mode, isOverloaded }: Settings): EnrichmentMode {
  if (mode !== 'auto') return mode;
  return askHook('isOverloaded', 'enrichment', isOverloaded, () => false) ? 'cheap' : 'all';
}

function resolve(options: EnrichmentOptions): Settings {
  const resolved = withKnown('enrichment', enrichmentDefaults, options, ['enrichers']);
  oneOf('enrichment.mode', resolved.mode, ['auto', 'all', 'cheap', 'essential']);
  inRange('enrichment.maxCostMs', resolved.maxCostMs, [0, 60_000]);
  inRange('enrichment.maxWaitMs', resolved.maxWaitMs, [0, 60_000]);
  inRange('enrichment.probeEveryMs', resolved.probeEveryMs, [0, 3_600_000]);
  isFunction('enrichment.isOverloaded', resolved.isOverloaded);
  return resolved;
}
