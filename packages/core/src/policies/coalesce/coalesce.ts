/**
 * Coalesce: calls that ask for the same at the same time share one run, and each caller leaves alone.
 *
 * Use it for reads that many callers want at once: a popular key, a cold cache, a configuration. The key must hold all that
 * the operation depends on. Do not use it for work that must happen once per call, or whose value only one may consume.
 *
 *   call ── no key, or no room ──────────► runs by itself
 *     ├──── first of its key ─► run ── value, error, refusal ─► all that share it
 *     └──── run under way ─► shares it ──┘
 *              └── its own context ends ─► leaves with its own cause; the last to leave ends the run
 *
 * Invariants
 *  (1) A key has at most one shared run at a time.
 *  (2) Every sharer settles exactly once: with the run's outcome, or with its own cause as soon as its context ends.
 *  (3) The run's context ends when the last sharer has left, with that one's cause, and for no other reason.
 *  (4) Nothing is kept once a run has settled: no outcome, key, watcher or timer.
 *  (5) A call never waits for the run that it is a part of.
 *  (6) A `keyOf` that throws, or gives neither a string nor undefined, is reported, and the call runs by itself.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import { silence } from '../../kernel/events.ts';
import type { Handler } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import { integerInRange, isFunction, isName, withDefaults } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { PolicyPorts } from '../../kernel/ports.ts';
import { type Arrival, SharedRun } from './shared-run.ts';

/** Options of {@link coalesce}. Omitted ones take {@link coalesceDefaults}. */
export interface CoalesceOptions extends PolicyPorts {
  /** Names this instance in errors, events and metrics. @defaultValue 'coalesce' */
  readonly name?: string;
  /**
   * What a call asks for; calls with equal keys share a run, undefined shares none. It sees the context only: put what the
   * key is made of there. Called once per call; if it throws, that is reported and the call runs by itself.
   */
  readonly keyOf: (context: Context) => string | undefined;
  /** Shared runs at once; a call with a further key runs by itself. Integer, 1 to 1 000 000. @defaultValue 10_000 */
  readonly maxKeys?: number;
}

/** Every default of {@link coalesce}, in one place. */
export const coalesceDefaults: Required<Omit<CoalesceOptions, 'keyOf' | keyof PolicyPorts>> = Object.freeze({
  name: 'coalesce',
  maxKeys: 10_000,
});

/** A call joined the run of another. */
export interface CoalesceSharedEvent {
  readonly type: 'coalesce.shared';
  readonly policy: 'coalesce';
  readonly name: string;
  readonly key: string;
}

/** A coalesce policy at one instant. */
export interface CoalesceSnapshot {
  /** Shared runs under way: one per key. */
  readonly inFlight: number;
  /** Calls that joined the run of another since it was created. */
  readonly shared: number;
  readonly maxKeys: number;
}

/** A coalesce policy. */
export interface Coalesce extends LayeredPolicy {
  /** What it holds now. */
  snapshot(): CoalesceSnapshot;
}

/**
 * Creates a coalesce policy. Its runs are shared by all calls through this instance.
 *
 * A shared run has the values of the call that started it. It has no deadline: calls that join may have later ones. It ends
 * when nobody waits for it any more.
 *
 * @throws ConfigError at creation, when `keyOf` is missing or an option is out of range.
 * @throws what the shared run ended with from execute, unchanged, to each that shares it.
 * @throws `context.cause` from execute, when the caller's own context ended first.
 *
 * @example
 * ```ts
 * const sku = contextKey<string>('sku');
 * const prices = coalesce({ keyOf: (context) => context.value(sku) });
 * const price = await prices.execute((context) => fetchPrice('tea', context), request.withValue(sku, 'tea'));
 * ```
 */
export function coalesce(options: CoalesceOptions): Coalesce {
  const settings = resolve(options);
  const runs = new Runs(settings);
  const layer =
    (inner: Handler): Handler =>
    (operation, context, sink, now) => {
      const key = keyFor(settings, context);
      if (key === undefined) inner(operation, context, sink, now);
      else runs.share(key, { inner, operation, context, sink }, now);
    };
  const policy = createPolicy({ kind: 'coalesce', name: settings.name, layer });
  return Object.assign(policy, { snapshot: () => runs.snapshot() });
}

// --- internal ---

type Settings = Required<Pick<CoalesceOptions, 'name' | 'keyOf' | 'maxKeys' | 'events'>>;

function resolve(options: CoalesceOptions): Settings {
  const resolved = withDefaults('coalesce', coalesceDefaults, options, ['keyOf']);
  isName('coalesce.name', resolved.name);
  isFunction('coalesce.keyOf', resolved.keyOf);
  integerInRange('coalesce.maxKeys', resolved.maxKeys, [1, 1_000_000]);
  const { name, keyOf, maxKeys, events = silence } = resolved;
  return { name, keyOf, maxKeys, events };
}

/** Asks `keyOf`. Never throws. */
function keyFor({ keyOf, name }: Settings, context: Context): string | undefined {
  try {
    const key: unknown = keyOf(context);
    if (key === undefined || typeof key === 'string') return key;
    ignoreRejection(key);
    throw new TypeError(`keyOf must return a string or undefined, got ${typeof key}`);
  } catch (error) {
    reportHookError('keyOf', error, name); // (6)
    return undefined;
  }
}

/** The shared runs of one policy. */
class Runs {
  private readonly settings: Settings;
  private readonly underWay = new Map<string, SharedRun>();
  private shared = 0;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  share(key: string, arrival: Arrival, now: number): void {
    const run = this.underWay.get(key);
    if (run === undefined && this.underWay.size < this.settings.maxKeys) this.start(key, arrival, now);
    else if (run === undefined || run.includes(arrival.context))
      arrival.inner(arrival.operation, arrival.context, arrival.sink, now); // (5)
    else if (run.admit(arrival, now)) this.countShared(key);
  }

  snapshot(): CoalesceSnapshot {
    return { inFlight: this.underWay.size, shared: this.shared, maxKeys: this.settings.maxKeys };
  }

  private start(key: string, arrival: Arrival, now: number): void {
    const run = new SharedRun(this.underWay, key, arrival);
    if (!run.admit(arrival, now)) return;
    this.underWay.set(key, run); // (1)
    run.start(arrival.operation, now);
  }

  private countShared(key: string): void {
    const { name, events } = this.settings;
    this.shared++;
    if (!events.active) return;
    const event: CoalesceSharedEvent = { type: 'coalesce.shared', policy: 'coalesce', name, key };
    events.emit(event);
  }
}
