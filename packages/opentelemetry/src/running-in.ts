/**
 * Running in: which span of ours the code that runs now belongs to, and the context of OpenTelemetry that it runs in.
 *
 * Policies tell their events synchronously, in the path of the call that they are about; so whoever hears one knows by the
 * span of now which call that is. This is no async context: it holds within one turn.
 *
 * A turn is not always the call's own: a call that makes room starts one that waited, and a timer that serves many calls ends any
 * of them. So whoever hands a call on, inward or outward, does it in here.
 *
 * Invariants
 *  (1) A function runs exactly once, whatever the context manager does.
 *
 * @module
 */

import { reportHookError } from '@holdfast/core';
import { type Context as OtelContext, context as otel } from '@opentelemetry/api';

import type { OpenSpan } from './open-span.ts';

/** The span whose call's code runs now; undefined outside of any. */
export function spanOfNow(): OpenSpan | undefined {
  return now;
}

/** Runs `act` as code of the call of `open`, and of nothing else. */
export function runIn(open: OpenSpan, act: () => void): void {
  runAs(open, open.otelContext, act);
}

/** Runs `act` as code of what is around the call of `open`. */
export function runOutside({ outside, base }: OpenSpan, act: () => void): void {
  runAs(outside, base, act);
}

// --- internal ---

let now: OpenSpan | undefined;

function runAs(open: OpenSpan | undefined, context: OtelContext, act: () => void): void {
  const before = now;
  now = open;
  try {
    if (isActive(context)) act();
    else runUnder(context, act);
  } finally {
    now = before;
  }
}

function runUnder(active: OtelContext, act: () => void): void {
  let hasRun = false;
  try {
    otel.with(active, () => {
      hasRun = true;
      act();
    });
  } catch (error) {
    reportHookError('opentelemetry.with', error);
  }
  if (!hasRun) act(); // (1)
}

function isActive(context: OtelContext): boolean {
  try {
    return otel.active() === context;
  } catch {
    return false; // `with` tells
  }
}
