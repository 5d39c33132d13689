/**
 * Circuit window: what a breaker can look back on, and how the option that says so is checked.
 *
 * @module
 */

import type { OptionRule } from '../../kernel/option-rules.ts';
import { inRange, integerInRange, oneOf, withKnown } from '../../kernel/options.ts';
import { ConsecutiveWindow } from '../../mechanisms/consecutive-window.ts';
import { CountWindow } from '../../mechanisms/count-window.ts';
import type { OutcomeWindow } from '../../mechanisms/outcome-window.ts';
import { TimeWindow } from '../../mechanisms/time-window.ts';

/** What a breaker looks back on. */
export type CircuitWindow =
  /** The last `size` calls. Integer, 1 to 10 000. */
  | { readonly kind: 'count'; readonly size: number }
  /** The calls of the last `durationMs` milliseconds, 1 to 3 600 000, in `bucketCount` steps, 1 to 100, by default 10. */
  | { readonly kind: 'time'; readonly durationMs: number; readonly bucketCount?: number }
  /**
   * The failures since the last success; `failureCount` of them in a row open the circuit. Integer, 1 to 10 000. It takes
   * the place of the options `failureRatio`, `minimumCalls`, `failureCount` and `confidenceRatio`, which cannot be given with it.
   */
  | { readonly kind: 'consecutive'; readonly failureCount: number };

/** Buckets of a time window that does not say how many. */
export const defaultBucketCount = 10;

/** What the option may be; {@link windowFactory} says precisely what is wrong. */
export const windowRule: OptionRule = Object.freeze({
  expectation: 'a window',
  accepts: isWindow,
  schema: Object.freeze({
    oneOf: [
      shapeOf('count', { size: integer(1, 10_000) }, ['size']),
      shapeOf(
        'time',
        { durationMs: { type: 'number', minimum: 1, maximum: 3_600_000 }, bucketCount: integer(1, 100) },
        ['durationMs'],
      ),
      shapeOf('consecutive', { failureCount: integer(1, 10_000) }, ['failureCount']),
    ],
  }),
});

/** Checks a window and returns what makes one like it. */
export function windowFactory(window: CircuitWindow): () => OutcomeWindow {
  oneOf('circuitBreaker.window.kind', window?.kind, ['count', 'time', 'consecutive']);
  if (window.kind === 'consecutive') {
    const { failureCount } = withKnown(
      'circuitBreaker.window',
      { kind: 'consecutive', failureCount: undefined },
      window,
    );
    integerInRange('circuitBreaker.window.failureCount', failureCount, [1, 10_000]);
    return newConsecutiveWindow;
  }
  if (window.kind === 'count') {
    const { size } = withKnown('circuitBreaker.window', { kind: 'count', size: undefined }, window);
    integerInRange('circuitBreaker.window.size', size, [1, 10_000]);
    return () => new CountWindow(size);
  }
  const timeOptions = { kind: 'time', durationMs: undefined, bucketCount: defaultBucketCount };
  const { durationMs, bucketCount } = withKnown('circuitBreaker.window', timeOptions, window);
  inRange('circuitBreaker.window.durationMs', durationMs, [1, 3_600_000]);
  integerInRange('circuitBreaker.window.bucketCount', bucketCount, [1, 100]);
  return () => new TimeWindow(durationMs, bucketCount);
}

// --- internal ---

function isWindow(window: unknown): boolean {
  try {
    windowFactory(window as CircuitWindow);
    return true;
  } catch {
    return false;
  }
}

const newConsecutiveWindow = (): OutcomeWindow => new ConsecutiveWindow();

function integer(minimum: number, maximum: number): object {
  return { type: 'integer', minimum, maximum };
}

function shapeOf(kind: string, properties: object, required: readonly string[]): object {
  const all = { kind: { const: kind }, ...properties };
  return { type: 'object', properties: all, required: ['kind', ...required], additionalProperties: false };
}
