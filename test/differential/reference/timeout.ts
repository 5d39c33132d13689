/**
 * Timeout, written down naively: a timer for every call.
 *
 * @module
 */

import type { TimeoutSpec } from '../case.ts';
import type { Observer, Ports } from '../side.ts';
import { ReferenceContext } from './context.ts';
import { timedOut } from './errors.ts';
import { type ReferencePolicy, toPolicy } from './layer.ts';

export function referenceTimeout(
  { timeoutMs }: TimeoutSpec,
  { name, clock }: Ports,
  observer: Observer,
): ReferencePolicy {
  return toPolicy(
    name,
    (inner) => async (work, context) => {
      if (timeoutMs === 0) throw timedOut(name, 0);
      if (context.remainingMs() <= timeoutMs) {
        observer.note('a timeout leaves the context as it is');
        return inner(work, context);
      }
      const own = new ReferenceContext(clock, context, timeoutMs, () => timedOut(name, timeoutMs));
      try {
        return await inner(work, own);
      } finally {
        own.release();
      }
    },
    { statistics: () => ({}) },
  );
}
