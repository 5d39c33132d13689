/**
 * Link ready: waits for a connection as for an answer: it may be the first call, or a reconnect.
 *
 * @module
 */

import type { Clock } from '@holdfast/core';

import type { ScriptLink } from './script-link.ts';

/** Resolves when `link` is ready, or after `limitMs`. Never rejects. */
export function linkReady(link: ScriptLink, clock: Clock, limitMs: number): Promise<void> {
  if (link.isReady) return Promise.resolve();
  return new Promise((resolve) => {
    const unhook = link.onReady(() => done());
    const timer = clock.setTimer(() => done(), limitMs);
    const done = (): void => {
      unhook();
      timer.cancel();
      resolve();
    };
  });
}
