/**
 * Retry settings: the options of a retry, completed, in one shape, and what they say about the policy.
 *
 * @module
 */

import type { CaptureAsyncContext } from '../../kernel/async-context.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { PolicyDescription, PolicyTraits } from '../../kernel/description.ts';
import { type Events, silence } from '../../kernel/events.ts';
import type { Classify } from '../../kernel/outcome.ts';
import type { Random } from '../../kernel/random.ts';
import type { DelaySettings } from './retry-delay.ts';
import type { Teller } from './retry-report.ts';

/** The settings of a retry. */
export interface RetrySettings extends DelaySettings, Teller {
  readonly maxAttempts: number;
  readonly maxElapsedMs: number;
  readonly minAttemptMs: number;
  readonly maxRetryRatio: number;
  readonly isRetryable: (error: unknown) => boolean;
  readonly classify: Classify;
  readonly whenNested: 'try-once' | 'retry';
  readonly clock: Clock;
  readonly captureAsyncContext: CaptureAsyncContext | undefined;
}

/** Settings that may change. */
export type ChangeableSettings = Omit<RetrySettings, keyof FixedSettings>;

/** Settings that stay. */
export interface FixedSettings {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly events?: Events;
  readonly captureAsyncContext?: CaptureAsyncContext | undefined;
}

/** One shape for all settings, whichever way they came: calls read them faster. */
export function settingsOf(changeable: ChangeableSettings, fixed: FixedSettings): RetrySettings {
  return {
    name: fixed.name,
    maxAttempts: changeable.maxAttempts,
    baseDelayMs: changeable.baseDelayMs,
    maxDelayMs: changeable.maxDelayMs,
    backoff: changeable.backoff,
    maxElapsedMs: changeable.maxElapsedMs,
    minAttemptMs: changeable.minAttemptMs,
    maxRetryRatio: changeable.maxRetryRatio,
    isRetryable: changeable.isRetryable,
    classify: changeable.classify,
    retryAfterMs: changeable.retryAfterMs,
    whenNested: changeable.whenNested,
    enforcement: changeable.enforcement,
    clock: fixed.clock,
    random: fixed.random,
    events: fixed.events ?? silence,
    captureAsyncContext: fixed.captureAsyncContext,
  };
}

/** Describes a retry. The ratio is left out where the budget is shared: it is the budget's own. */
export function describeRetry(settings: RetrySettings, hasOwnBudget: boolean): PolicyDescription {
  const { name, enforcement, maxAttempts, baseDelayMs, maxDelayMs, backoff, maxElapsedMs, minAttemptMs } = settings;
  const options = {
    maxAttempts,
    baseDelayMs,
    maxDelayMs,
    backoff: typeof backoff === 'function' ? '[function]' : backoff,
    maxElapsedMs,
    minAttemptMs,
    ...(hasOwnBudget && { maxRetryRatio: settings.maxRetryRatio }),
    isRetryable: '[function]',
    classify: '[function]',
    retryAfterMs: '[function]',
    whenNested: settings.whenNested,
  };
  return { kind: 'retry', name, enforcement, options, traits: traitsOf(settings) };
}

// --- internal ---

function traitsOf(settings: RetrySettings): PolicyTraits {
  const { enforcement, maxAttempts, maxDelayMs, maxElapsedMs, minAttemptMs, whenNested } = settings;
  const minRunGapMs = settings.backoff === 'fixed' ? settings.baseDelayMs : 0; // what outcomes ask for comes on top
  if (enforcement !== 'enforce' || maxAttempts === 1) return { isShared: true };
  const maxWaitMs = Math.min(maxElapsedMs, (maxAttempts - 1) * maxDelayMs); // any outcome may ask for the longest wait
  const runsOnceInsideRetry = whenNested === 'try-once';
  return {
    maxRuns: maxAttempts,
    maxWaitMs,
    retriesFailures: true,
    marksTries: true,
    runsOnceInsideRetry,
    ...(maxElapsedMs < Infinity && { noRunAfterMs: maxElapsedMs }),
    ...(minRunGapMs > 0 && { minRunGapMs }),
    ...(minAttemptMs > 0 && { minTimeLeftToRerunMs: minAttemptMs }),
    isShared: true,
  };
}
