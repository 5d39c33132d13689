/**
 * Override: one record that changes a feature's mode, and the check of one that came from outside.
 *
 * A feature has at most one override per slot: source, kind, scope and target. Setting another into the same slot replaces it.
 *
 * @module
 */

import { isCondition, type Condition } from './targeting.ts';

/** What an override asks for: exactly this mode; this one or a worse one; this one or a better one. */
export type OverrideKind = 'force' | 'atLeast' | 'atMost';

/** Where an override comes from, strongest first. Automatic ones are made by controllers and stay in their process. */
export type OverrideSource = 'break-glass' | 'manual' | 'automatic' | 'schedule';

/** Which processes an override is for; what is left out is all. */
export interface OverrideScope {
  readonly region?: string | undefined;
  readonly instance?: string | undefined;
}

/** How an override that ends is taken back: in steps, each for a share of what it was in force for. */
export interface RestorePlan {
  /** Shares that go on being degraded, falling. Ratios, above 0 and below 1. */
  readonly shareRatios: readonly number[];
  /** Time between steps, give or take a fifth, so that a fleet does not restore in one instant. Milliseconds. */
  readonly stepMs: number;
}

/** A value of a parameter that an override may change. Numbers are finite. */
export type ParamValue = string | number | boolean;

/** One override. Plain data: it survives JSON. */
export interface OverrideRecord {
  /** Slot: what it replaces and is replaced by. */
  readonly id: string;
  readonly kind: OverrideKind;
  readonly source: OverrideSource;
  readonly mode: string;
  /** The modes that are better than `mode` where the override was made, best first: for catalogues that lack `mode`. */
  readonly betterModes: readonly string[];
  readonly scope: OverrideScope;
  /** Share of the buckets that it is for. Ratio, above 0, up to 1. */
  readonly shareRatio: number;
  /** Spreads buckets: the same seed means the same people. */
  readonly seed: string;
  /** All of these must hold for a request. */
  readonly match: readonly Condition[];
  readonly restore: RestorePlan | undefined;
  /** Parameters of `mode` that are others than the catalogue says. */
  readonly params?: Readonly<Record<string, ParamValue>> | undefined;
  readonly actor: string;
  readonly reason: string;
  /** The feature's revision that made it. */
  readonly revision: number;
  /** Calendar time at which it was made, in milliseconds since 1970; shown to people only. */
  readonly setAtMs: number;
  /** Milliseconds until it expires, counted from when it is handed over; 0 or less when it has. */
  readonly remainingMs: number;
}

/** The longest that an override may last: 24 hours. What should last longer is configuration. */
export const MAX_OVERRIDE_MS = 86_400_000;

/** The longest that a break-glass override may last: 15 minutes. */
export const MAX_BREAK_GLASS_MS = 900_000;

/** Overrides that a feature may have at once. */
export const MAX_OVERRIDES = 32;

export const overrideKinds: readonly OverrideKind[] = Object.freeze(['force', 'atLeast', 'atMost']);
const overrideSources: readonly OverrideSource[] = Object.freeze(['break-glass', 'manual', 'automatic', 'schedule']);

/** The slot of an override. */
export function slotOf({
  source,
  kind,
  scope,
  match,
}: Pick<OverrideRecord, 'source' | 'kind' | 'scope' | 'match'>): string {
  const place = [scope.region, scope.instance].map((part) => (part === undefined ? '*' : JSON.stringify(part)));
  return [source, kind, ...place, ...(match.length === 0 ? [] : [JSON.stringify(match)])].join('/');
}

/** How narrow the scope and the target of an override are: the narrower one decides. */
export function specificityOf({ scope, match }: Pick<OverrideRecord, 'scope' | 'match'>): number {
  const region = scope.region === undefined ? 0 : 1;
  const instance = scope.instance === undefined ? 0 : 2;
  return (match.length > 0 ? 4 : 0) + instance + region;
}

/** Whether `value`, which came from outside, is an override. */
export function isOverrideRecord(value: unknown): value is OverrideRecord {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(FIELDS).every(([field, isValid]) => isValid((value as Record<string, unknown>)[field]));
}

/** Whether `value` is a text that a person wrote: not empty, one line, not too long. */
export function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxLength && !CONTROL.test(value);
}

/** Whether `value` is a plan to restore by. */
export function isRestorePlan(value: unknown): value is RestorePlan {
  const { shareRatios, stepMs } = (value ?? {}) as Partial<RestorePlan>;
  if (!Array.isArray(shareRatios) || shareRatios.length === 0 || shareRatios.length > 20) return false;
  const isFalling = shareRatios.every((ratio, index) => ratio > 0 && ratio < (shareRatios[index - 1] ?? 1));
  return isFalling && Number.isInteger(stepMs) && (stepMs as number) >= 1 && (stepMs as number) <= 3_600_000;
}

/** Whether `value` is one of a parameter. */
export function isParamValue(value: unknown): value is ParamValue {
  return (typeof value === 'string' && value.length <= 1000) || typeof value === 'boolean' || Number.isFinite(value);
}

/** Whether `value` is a scope. */
export function isScope(value: unknown): value is OverrideScope {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([key, part]) => (key === 'region' || key === 'instance') && (part === undefined || isText(part, 200)),
  );
}

/** Whether `value` is a set of parameters. */
export function isParams(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const values = Object.values(value).filter((one) => one !== undefined);
  return values.length <= MAX_PARAMS && values.every(isParamValue);
}

// --- internal ---

/** Control characters and line separators: they have no place in one line of an audit trail. */
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

const isString = (value: unknown): boolean => typeof value === 'string' && value.length <= 10_000;

/** Parameters that an override may change. */
const MAX_PARAMS = 20;

const FIELDS: Readonly<Record<keyof OverrideRecord, (value: unknown) => boolean>> = {
  id: isString,
  kind: (value) => overrideKinds.includes(value as OverrideKind),
  source: (value) => overrideSources.includes(value as OverrideSource),
  mode: isString,
  betterModes: (value) => Array.isArray(value) && value.every(isString),
  scope: isScope,
  shareRatio: (value) => typeof value === 'number' && value > 0 && value <= 1,
  seed: isString,
  match: (value) => Array.isArray(value) && value.length <= 20 && value.every(isCondition),
  restore: (value) => value === undefined || isRestorePlan(value),
  params: (value) => value === undefined || isParams(value),
  actor: (value) => isText(value, 1000),
  reason: (value) => isText(value, 1000),
  revision: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  setAtMs: (value) => typeof value === 'number' && Math.abs(value) <= 8.64e15,
  remainingMs: (value) => typeof value === 'number' && value <= MAX_OVERRIDE_MS,
};
