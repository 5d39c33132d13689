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
 *  (7) Under `observe` and `off` every call runs by itself, under the caller's own context.
 *  (8) A change of options holds for calls that come after it; runs under way and counts are kept.
 *
 * @module
 */

import type { Context } from '../../kernel/context.ts';
import {
  type Describable,
  type Enforcement,
  type PolicyDescription,
  type PolicyKind,
  type Updatable,
  enforcements,
} from '../../kernel/description.ts';
import { type Events, silence } from '../../kernel/events.ts';
import type { Arrival, Handler } from '../../kernel/handler.ts';
import { ignoreRejection, reportHookError } from '../../kernel/hooks.ts';
import {
  type OptionRules,
  anyFunction,
  checkOptions,
  integerFrom,
  nonEmptyString,
  oneOfStrings,
} from '../../kernel/option-rules.ts';
import { withDefaults, withKnown } from '../../kernel/options.ts';
import { type LayeredPolicy, createPolicy } from '../../kernel/policy.ts';
import type { DefaultsOf, PolicyPorts } from '../../kernel/ports.ts';
import { updatable } from '../../kernel/update-plan.ts';
import { type CoalesceSnapshot, CoalescedRuns } from './coalesced-runs.ts';

export type { CoalesceSharedEvent, CoalesceSnapshot } from './coalesced-runs.ts';

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
  /**
   * `enforce` shares runs; `observe` shares none and counts the calls that would have joined one; `off` does nothing.
   * @defaultValue 'enforce'
   */
  readonly enforcement?: Enforcement;
}

/** What {@link Coalesce.update} may change. Not `keyOf`: a key of one could be taken for one of the other. */
export type CoalesceChanges = Partial<Pick<CoalesceOptions, 'maxKeys' | 'enforcement'>>;

/** Every default of {@link coalesce}, in one place. */
export const coalesceDefaults: Omit<DefaultsOf<CoalesceOptions, 'keyOf'>, 'clock'> = Object.freeze({
  name: 'coalesce',
  maxKeys: 10_000,
  enforcement: 'enforce',
});

/** What the options of {@link coalesce} may be. */
export const coalesceRules: OptionRules = Object.freeze({
  name: nonEmptyString,
  keyOf: anyFunction,
  maxKeys: integerFrom(1, 1_000_000),
  enforcement: oneOfStrings(...enforcements),
});

/** A coalesce policy. */
export interface Coalesce extends LayeredPolicy, Updatable<CoalesceChanges>, Describable {
  /** What it holds now. */
  snapshot(): CoalesceSnapshot;
}

/**
 * Creates a coalesce policy. Its runs are shared by all calls through this instance.
 *
 * A shared run has the values and the async context of the call that started it. It has no deadline: calls that join may
 * have later ones. It ends when nobody waits for it any more.
 *
 * @throws ConfigError at creation and from update, when `keyOf` is missing or an option is out of range.
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
  const resolved = resolve(options);
  let { rule } = resolved;
  const runs = new CoalescedRuns({ name: rule.name, events: resolved.events }, rule.maxKeys);
  const layer = (inner: Handler): Handler => coalescingHandler(() => rule, runs, inner);
  const policy = createPolicy({ kind: 'coalesce', name: rule.name, layer });
  const changing = updatable({
    name: rule.name,
    resolve: (changes: CoalesceChanges) => changed(rule, changes),
    apply: (next) => {
      rule = next; // (8)
      runs.maxKeys = next.maxKeys;
    },
  });
  return Object.assign(policy, changing, {
    snapshot: () => runs.snapshot(rule.enforcement),
    describe: () => describe(rule),
  });
}

/** The kind of policy that {@link coalesce} makes, for configuration. */
export const coalesceKind: PolicyKind = Object.freeze({
  kind: 'coalesce',
  rules: coalesceRules,
  required: Object.freeze(['keyOf']),
  defaults: coalesceDefaults,
  create: coalesce,
});

// --- internal ---

/** Options in force. */
type Rule = Required<Pick<CoalesceOptions, 'name' | 'keyOf' | 'maxKeys' | 'enforcement'>>;

function resolve(options: CoalesceOptions): { readonly rule: Rule; readonly events: Events } {
  const resolved = withDefaults('coalesce', coalesceDefaults, options, ['keyOf']);
  checkOptions('coalesce', coalesceRules, resolved);
  const { name, keyOf, maxKeys, enforcement, events = silence } = resolved;
  return { rule: { name, keyOf, maxKeys, enforcement }, events };
}

function changed({ name, keyOf, maxKeys, enforcement }: Rule, changes: CoalesceChanges): Rule {
  const next = withKnown('coalesce.update', { maxKeys, enforcement }, changes);
  const rule = { name, keyOf, maxKeys: next.maxKeys, enforcement: next.enforcement };
  checkOptions('coalesce', coalesceRules, rule);
  return rule;
}

function coalescingHandler(ruleNow: () => Rule, runs: CoalescedRuns, inner: Handler): Handler {
  return (operation, context, sink, now) => {
    const rule = ruleNow();
    const key = rule.enforcement === 'off' ? undefined : keyFor(rule, context); // (7)
    if (key === undefined) {
      inner(operation, context, sink, now);
      return;
    }
    const arrival: Arrival = { inner, operation, context, sink };
    if (rule.enforcement === 'observe') runs.observe(key, arrival, now); // (7)
    else runs.share(key, arrival, now);
  };
}

/** Asks `keyOf`. Never throws. */
function keyFor({ keyOf, name }: Rule, context: Context): string | undefined {
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

function describe({ name, maxKeys, enforcement }: Rule): PolicyDescription {
  return {
    kind: 'coalesce',
    name,
    enforcement,
    options: { keyOf: '[function]', maxKeys },
    traits: {
      isShared: true,
      ...(enforcement === 'enforce' && { detachesDeadline: true, assumes: 'it stands in no other pipeline' }),
    },
  };
}
