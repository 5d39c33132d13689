/**
 * Injection: one disturbance, what it does, how often, and to which calls.
 *
 * @module
 */

import type { Context, ContextKey } from '../../kernel/context.ts';
import { askHook } from '../../kernel/hooks.ts';
import {
  type OptionRule,
  type OptionRules,
  anyFunction,
  checkOptions,
  either,
  numberFrom,
} from '../../kernel/option-rules.ts';
import { ConfigError, withKnown } from '../../kernel/options.ts';

/** Calls whose context has one of `values` for `key`. */
export interface ChaosTarget {
  readonly key: ContextKey<unknown>;
  /** Compared as `includes` does. */
  readonly values: readonly unknown[];
}

/** What all injections have. */
export interface ChaosAim {
  /** Share of the calls aimed at that are disturbed. 0 to 1. */
  readonly callRatio: number;
  /**
   * Which calls it aims at: a function of their context, or values of one of its keys. By default all. If the function
   * throws, that is reported and the call is left alone.
   */
  readonly when?: ((context: Context) => boolean) | ChaosTarget;
}

/** Fails the call. The operation does not run, and yet it looks from outside as if it had failed. */
export interface ChaosFault extends ChaosAim {
  readonly kind: 'fault';
  /** Makes the error. By default, and if it throws, a `ChaosError`. */
  readonly makeError?: (context: Context) => unknown;
}

/** Delays the call. */
export interface ChaosLatency extends ChaosAim {
  readonly kind: 'latency';
  /**
   * The delay, the least and the greatest of an evenly distributed one, or a function of the context. Milliseconds, 0 to
   * 3 600 000. A function that throws, or returns anything else, is reported, and the call is not delayed.
   */
  readonly latencyMs: number | readonly [number, number] | ((context: Context) => number);
}

/** Answers the call. The operation does not run. Exactly one of `value` and `makeValue` is needed. */
export interface ChaosOutcome<F = unknown> extends ChaosAim {
  readonly kind: 'outcome';
  /** The answer. */
  readonly value?: F;
  /** Makes the answer; synchronous. If it throws, that is reported, and the call is left alone. */
  readonly makeValue?: (context: Context) => F;
}

/** Does something before the call goes on, such as emptying a cache or closing a connection. */
export interface ChaosBehaviour extends ChaosAim {
  readonly kind: 'behaviour';
  /** What is done. A promise is waited for, until the context ends. If it fails, that is reported, and the call goes on. */
  readonly run: (context: Context) => unknown;
}

/** One disturbance. */
export type ChaosInjection<F = unknown> = ChaosFault | ChaosLatency | ChaosOutcome<F> | ChaosBehaviour;

/** Kinds of injections. */
export type ChaosInjectionKind = ChaosInjection['kind'];

/** An injection, checked and completed: all kinds have the same fields. */
export interface Injection {
  readonly kind: ChaosInjectionKind;
  readonly callRatio: number;
  readonly when: ChaosAim['when'];
  readonly makeError: ((context: Context) => unknown) | undefined;
  readonly latencyMs: ChaosLatency['latencyMs'];
  readonly makeValue: (context: Context) => unknown;
  readonly run: (context: Context) => unknown;
}

/** The longest delay. Milliseconds: an hour. */
export const MAX_LATENCY_MS = 3_600_000;

/** A list of injections, as an option. What is in them is checked by {@link resolveInjections}. */
export const injectionList: OptionRule = Object.freeze({
  expectation: 'a list of 1 to 20 injections',
  accepts: (value: unknown) => Array.isArray(value) && value.length >= 1 && value.length <= 20,
  schema: Object.freeze({ type: 'array', minItems: 1, maxItems: 20, items: itemSchema() }),
});

/** Checks and completes injections. `place` is the path before their index: `chaos.injections`. */
export function resolveInjections(place: string, injections: readonly ChaosInjection[]): readonly Injection[] {
  return Object.freeze(injections.map((injection, index) => resolveInjection(`${place}[${index}]`, injection)));
}

/** Whether `injection` aims at a call with `context`. Never throws. */
export function isAimedAt({ when }: Injection, context: Context, policy: string): boolean {
  if (when === undefined) return true;
  if (typeof when === 'object') return when.values.includes(context.value(when.key));
  return askHook(
    'when',
    policy,
    () => when(context),
    () => false,
  );
}

/** The longest that `injection` may delay a call. Milliseconds. */
export function longestLatencyMs({ kind, latencyMs }: Injection): number {
  if (kind !== 'latency') return 0;
  if (typeof latencyMs === 'function') return MAX_LATENCY_MS;
  return typeof latencyMs === 'number' ? latencyMs : latencyMs[1];
}

/** Whether `value` is a delay. */
export function isLatency(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= MAX_LATENCY_MS;
}

/** Describes an injection in JSON. */
export function describeInjection({ kind, callRatio, when, latencyMs }: Injection): Readonly<Record<string, unknown>> {
  const target = typeof when === 'object' ? { key: when.key.name, values: when.values.map(String) } : '[function]';
  return {
    kind,
    callRatio,
    ...(when !== undefined && { when: target }),
    ...(kind === 'latency' && { latencyMs: typeof latencyMs === 'function' ? '[function]' : latencyMs }),
  };
}

// --- internal ---

const latencyRange: OptionRule = Object.freeze({
  expectation: 'a list of two such numbers, the lesser first',
  accepts: (value: unknown) => {
    if (!Array.isArray(value) || value.length !== 2) return false;
    const [least, greatest] = value as readonly unknown[];
    return isLatency(least) && isLatency(greatest) && least <= greatest;
  },
  schema: undefined, // {@link itemSchema} has it
});

const target: OptionRule = Object.freeze({
  expectation: '{ key, values } with a context key and a list',
  accepts: (value: unknown) => {
    if (typeof value !== 'object' || value === null) return false;
    const { key, values } = value as Partial<ChaosTarget>;
    return typeof key === 'object' && key !== null && Array.isArray(values);
  },
  schema: undefined,
});

const aimRules: OptionRules = { callRatio: numberFrom(0, 1), when: optional(either(anyFunction, target)) };

const rulesByKind: Readonly<Record<ChaosInjectionKind, OptionRules>> = Object.freeze({
  fault: { ...aimRules, makeError: optional(anyFunction) },
  latency: { ...aimRules, latencyMs: either(either(numberFrom(0, MAX_LATENCY_MS), latencyRange), anyFunction) },
  outcome: { ...aimRules, makeValue: optional(anyFunction) },
  behaviour: { ...aimRules, run: anyFunction },
});

function resolveInjection(place: string, injection: ChaosInjection): Injection {
  const kind = (injection as Partial<ChaosInjection> | null | undefined)?.kind as ChaosInjectionKind;
  if (!Object.hasOwn(rulesByKind, kind))
    throw new ConfigError(`${place}.kind`, `one of ${Object.keys(rulesByKind).join(', ')}`, kind);
  const rules = rulesByKind[kind];
  const known = kind === 'outcome' ? [...Object.keys(rules), 'value'] : Object.keys(rules);
  const resolved = withKnown(place, { kind }, injection as ChaosInjection & Partial<Injection>, known);
  checkOptions(place, rules, resolved);
  const { callRatio, when, makeError, latencyMs = 0, run = nothing } = resolved;
  return {
    kind,
    callRatio,
    when: copyOf(when),
    makeError,
    latencyMs: typeof latencyMs === 'object' ? [latencyMs[0], latencyMs[1]] : latencyMs,
    makeValue: kind === 'outcome' ? valueMaker(place, injection as ChaosOutcome) : nothing,
    run,
  };
}

/** As in a fallback: a value of undefined is an answer, unless a function says otherwise. */
function valueMaker(place: string, injection: ChaosOutcome): (context: Context) => unknown {
  const { value, makeValue } = injection;
  const hasValue = value !== undefined || (Object.hasOwn(injection, 'value') && makeValue === undefined);
  if (hasValue === (makeValue !== undefined))
    throw new ConfigError(place, 'given exactly one of value and makeValue', hasValue ? 'both' : 'neither');
  return makeValue ?? (() => value);
}

function copyOf(when: ChaosAim['when']): ChaosAim['when'] {
  return typeof when === 'object' ? { key: when.key, values: [...when.values] } : when;
}

function nothing(): undefined {
  return undefined;
}

function optional(rule: OptionRule): OptionRule {
  return {
    expectation: rule.expectation,
    accepts: (value) => value === undefined || rule.accepts(value),
    schema: rule.schema,
  };
}

/** What JSON can say of an injection: those that need no function. */
function itemSchema(): Readonly<Record<string, unknown>> {
  const callRatio = numberFrom(0, 1).schema;
  const item = (kind: ChaosInjectionKind, fields: Readonly<Record<string, unknown>>): object => ({
    type: 'object',
    properties: { kind: { const: kind }, callRatio, ...fields },
    required: ['kind', 'callRatio', ...Object.keys(fields)],
    additionalProperties: false,
  });
  const delay = { type: 'number', minimum: 0, maximum: 3_600_000 };
  const latencyMs = { anyOf: [delay, { type: 'array', items: delay, minItems: 2, maxItems: 2 }] };
  return { anyOf: [item('fault', {}), item('latency', { latencyMs }), item('outcome', { value: {} })] };
}
