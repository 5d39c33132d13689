/**
 * Degraded notice: what a request was answered with less than the best of, for whoever asks: a header, a problem, a log line.
 *
 * A context made by `withNotices` collects what is read under it, and under contexts derived from it. Without one nothing is
 * kept.
 *
 * Invariants
 *  (1) A feature is noted once per request, in the mode that was read last; not at all where that is its best.
 *  (2) What outsiders are told names only features that the catalogue calls public.
 *  (3) A header never has more than 16 members; the rest is left out.
 *
 * Source: RFC 9651, Structured Field Values for HTTP, M. Nottingham, P.-H. Kamp, 2024, https://www.rfc-editor.org/rfc/rfc9651;
 * RFC 9457, Problem Details for HTTP APIs, M. Nottingham, E. Wilde, S. Dalal, 2023, https://www.rfc-editor.org/rfc/rfc9457.
 *
 * @module
 */

import { type Context, type ContextKey, contextKey } from '@holdfast/core';

import type { Catalogue, FeatureModes } from './catalogue.ts';
import type { DecidedBy } from './precedence.ts';

/** One feature that was not in its best mode. */
export interface DegradedNotice {
  readonly feature: string;
  readonly mode: string;
  readonly decidedBy: DecidedBy | 'failure';
}

/** A problem in the form of RFC 9457. */
export interface DegradedProblem {
  readonly type: string;
  readonly title: string;
  readonly status: 503;
  readonly detail: string;
  readonly feature: string;
  readonly mode: string;
}

/** Derives a context that collects notices. */
export function withNotices(context: Context): Context {
  hasCollectors = true;
  return context.withValue(notices, new Map());
}

/** Returns what was read under `context` so far, in the order of first reading; nothing where nobody collects. */
export function noticesOf(context: Context): readonly DegradedNotice[] {
  return [...(context.value(notices)?.values() ?? [])];
}

/**
 * Notes a lesser mode, where somebody collects; with `isDegraded: false`, takes back what was noted of the feature. Costs
 * nothing where nobody ever did.
 */
export function noteReading(
  context: Context,
  { feature, mode, decidedBy, isDegraded = true }: DegradedNotice & { readonly isDegraded?: boolean },
): void {
  if (!hasCollectors) return;
  if (isDegraded) context.value(notices)?.set(feature, { feature, mode, decidedBy }); // (1)
  else context.value(notices)?.delete(feature); // (1)
}

/** Returns the notices that outsiders may see. */
export function publicNotices<M extends FeatureModes>(
  all: readonly DegradedNotice[],
  features: Catalogue<M, unknown>,
): readonly DegradedNotice[] {
  const known = features as unknown as Catalogue;
  return all.filter(({ feature }) => Object.hasOwn(known, feature) && known[feature]?.isPublic === true); // (2)
}

/** Returns the value of a `Degraded` header, a dictionary of RFC 9651; undefined where there is nothing to say. */
export function degradedHeader(all: readonly DegradedNotice[]): string | undefined {
  const members = all.slice(0, MAX_MEMBERS).map(({ feature, mode, decidedBy }) => `${feature}=${mode};by=${decidedBy}`); // (3)
  return members.length === 0 ? undefined : members.join(', ');
}

/** Returns the problem of a feature that has nothing to give in its mode. */
export function degradedProblem<M extends FeatureModes>(
  { feature, mode }: Pick<DegradedNotice, 'feature' | 'mode'>,
  features: Catalogue<M, unknown>,
): DegradedProblem {
  const detail =
    (features as unknown as Catalogue)[feature]?.notice ?? 'This part of the service is switched off at present.';
  const type = 'https://holdfast.dev/problems/feature-unavailable';
  return { type, title: 'Feature unavailable', status: 503, detail, feature, mode };
}

// --- internal ---

const MAX_MEMBERS = 16;

/** Whether anybody in this process ever collected. */
let hasCollectors = false;

const notices: ContextKey<Map<string, DegradedNotice>> = contextKey('the notices of degradation');
