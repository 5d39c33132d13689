/**
 * Pipeline, written down naively: each policy runs the next.
 *
 * @module
 */

import type { AnyPolicy } from '../side.ts';
import { isCancellation, isRejection, isTimeout } from './errors.ts';
import type { ReferenceContext } from './context.ts';
import { type ReferencePolicy, type Run, anyContext, aroundOf, runWork, start, toPolicy } from './layer.ts';

export function referencePipeline(name: string, policies: readonly AnyPolicy[]): ReferencePolicy {
  const calls = { success: 0, failure: 0, rejected: 0, cancelled: 0, running: 0 };
  const counted =
    (run: Run): Run =>
    async (work, context) => {
      calls.running++;
      try {
        const value = await run(work, context);
        calls.success++;
        return value;
      } catch (error) {
        if (isRejection(error)) calls.rejected++;
        else if (isGivenUp(error, context)) calls.cancelled++;
        else calls.failure++;
        throw error;
      } finally {
        calls.running--;
      }
    };
  const nested = (inner: Run): Run => policies.reduceRight<Run>((run, policy) => aroundOf(policy)(run), inner);
  return toPolicy(name, (inner) => counted(nested(inner)), {
    statistics: () => ({ ...calls }),
    execute: (work, context = anyContext()) =>
      counted((ownWork, own) => start(nested(runWork), ownWork, own))(work, context as ReferenceContext),
  });
}

// --- internal ---

function isGivenUp(error: unknown, context: ReferenceContext): boolean {
  if (isCancellation(error)) return true;
  return context.cancelled && error === context.cause && !isTimeout(error);
}
