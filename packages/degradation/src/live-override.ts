/**
 * Live override: an override as one process sees it, with its own clock's times and its catalogue's modes.
 *
 * @module
 */

import type { OverrideRecord } from './override.ts';
import { specificityOf } from './override.ts';
import type { Wish } from './precedence.ts';
import { type RestoreRamp, rampShareRatio } from './restore-ramp.ts';
import { type Target, bucketOf, matches } from './targeting.ts';
import type { OverrideStatus } from './feature-status.ts';
import { toIsoTime } from './wall-clock.ts';

/** An override that concerns this process. */
export interface LiveOverride extends Wish {
  readonly record: OverrideRecord;
  /** On this process's clock. */
  readonly expiresAt: number;
  /** The way back, once it has ended. */
  readonly ramp: RestoreRamp | undefined;
}

/** The process that an override may concern. */
export interface Place {
  readonly region: string | undefined;
  readonly instance: string | undefined;
}

/** Returns how `record` is seen here; undefined when it has expired or is for other processes. */
export function toLive(
  record: OverrideRecord,
  modes: readonly string[],
  { now, place }: { readonly now: number; readonly place: Place },
): LiveOverride | undefined {
  const { scope, remainingMs, id, kind, source, revision } = record;
  if (remainingMs <= 0 || !concerns(scope.region, place.region) || !concerns(scope.instance, place.instance))
    return undefined;
  const position = positionOf(record, modes);
  const specificity = specificityOf(record);
  return { id, kind, source, position, specificity, revision, record, expiresAt: now + remainingMs, ramp: undefined };
}

/** Returns the share of the buckets that an override is for now. */
function shareRatioOf({ record, ramp }: LiveOverride): number {
  return ramp === undefined ? record.shareRatio : record.shareRatio * rampShareRatio(ramp);
}

/** Whether an override is for every request alike. */
export function isForAll(one: LiveOverride): boolean {
  return one.record.match.length === 0 && shareRatioOf(one) >= 1;
}

/** Whether an override is for a request; one without a key is in bucket `keyless`. */
export function isFor(one: LiveOverride, request: Target | undefined, keyless: number): boolean {
  const { match, seed } = one.record;
  if (match.length > 0 && !matches(match, request?.attributes)) return false;
  const shareRatio = shareRatioOf(one);
  if (shareRatio >= 1) return true;
  return (request?.key === undefined ? keyless : bucketOf(seed, request.key)) < shareRatio;
}

/** When something happens to an override by itself: it expires, or takes a step back. */
export function dueAt({ ramp, expiresAt }: LiveOverride): number {
  return ramp === undefined ? expiresAt : ramp.nextAt;
}

/** Shows an override. */
export function showOverride(one: LiveOverride, now: number, calendarMs: number): OverrideStatus {
  const { record, ramp, expiresAt, id, kind, source } = one;
  const remainingMs = ramp === undefined ? expiresAt - now : 0;
  return {
    id,
    kind,
    source,
    mode: record.mode,
    actor: record.actor,
    reason: record.reason,
    scope: record.scope,
    match: record.match,
    params: record.params,
    shareRatio: shareRatioOf(one),
    seed: record.seed,
    isRestoring: ramp !== undefined,
    setAt: toIsoTime(record.setAtMs) ?? '',
    expiresAt: toIsoTime(calendarMs + expiresAt - now) ?? '',
    remainingMs,
  };
}

// --- internal ---

function concerns(scope: string | undefined, own: string | undefined): boolean {
  return scope === undefined || scope === own;
}

/** The position of its mode, or of the nearest better one that is known here. */
function positionOf({ mode, betterModes }: OverrideRecord, modes: readonly string[]): number {
  const known = [...betterModes, mode].findLast((one) => modes.includes(one));
  return known === undefined ? 0 : modes.indexOf(known);
}
