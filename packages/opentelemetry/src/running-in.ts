/**
 * Running in: which span of ours the code that runs now belongs to, and the context of OpenTelemetry that it runs in.
 *
 * Policies tell their events synchronously, in the path of the call that they are about; so whoever hears one knows by the
 * span of now which call that is. This is no async context: it holds within one turn.
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

/** Runs `act` as code of the call of `open`. */
export function runningIn(open: OpenSpan | undefined, act: () => void): void {
  const before = now;
  now = open;
  try {
    act();
  } finally {
    now = before;
  }
}

/** Runs `act` with `active` as the active context of OpenTelemetry. */
export function runUnder(active: OtelContext, act: () => void): void {
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

// --- internal ---

let now: OpenSpan | undefined;
