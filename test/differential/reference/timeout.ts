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
  let timedOutCount = 0;
  const tell = (): void => {
    timedOutCount++;
    observer.onEvent({ type: 'timeout.expired', name, enforcement: 'enforce', timeoutMs });
  };
  return toPolicy(
    name,
    (inner) => async (work, context) => {
      if (timeoutMs === 0) {
        tell();
        throw timedOut(name, 0);
      }
      if (context.remainingMs() <= timeoutMs) {
        observer.note('a timeout leaves the context as it is');
        return inner(work, context);
      }
      const error = timedOut(name, timeoutMs);
      const own = new ReferenceContext(clock, context, timeoutMs, () => error);
      own.onCancel((cause) => {
        if (cause === error) tell();
      });
      try {
        return await inner(work, own);
      } finally {
        own.release();
      }
    },
    { statistics: () => ({ timedOutCount }) },
  );
}
