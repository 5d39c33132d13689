/**
 * Fallback, written down naively.
 *
 * @module
 */

import type { FallbackSpec } from '../case.ts';
import type { Observer, Ports } from '../side.ts';
import { fallbackFailed, isCancellation, isRejection, isTimeout } from './errors.ts';
import { type ReferencePolicy, runWork, toPolicy } from './layer.ts';

export function referenceFallback(
  spec: FallbackSpec,
  { name, hooks, value }: Ports,
  observer: Observer,
): ReferencePolicy {
  let usedCount = 0;

  function handles(error: unknown): boolean {
    if (spec.handles === 'default') return !isCancellation(error);
    try {
      return hooks.accepts(error);
    } catch (hookError) {
      observer.onHookError(hookError, name);
      return !isCancellation(error);
    }
  }

  return toPolicy(
    name,
    (inner) => async (work, context) => {
      try {
        return await inner(work, context);
      } catch (error) {
        if (context.cancelled || !handles(error)) throw error;
        usedCount++;
        const step = spec.answer === 'value' ? 'value' : 'substitute';
        observer.onEvent({ type: 'fallback.used', name, enforcement: 'enforce', error, reason: reasonOf(error), step });
        if (spec.answer === 'value') return value;
        try {
          return await runWork((own) => hooks.substitute(error, own), context);
        } catch (fallbackError) {
          throw context.cancelled ? context.cause : fallbackFailed(name, error, fallbackError);
        }
      }
    },
    { statistics: () => ({ usedCount }) },
  );
}

// --- internal ---

function reasonOf(error: unknown): string {
  if (isRejection(error)) return 'rejection';
  return isTimeout(error) ? 'timeout' : 'error';
}
