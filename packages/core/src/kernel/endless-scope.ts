/**
 * Endless scope: the scope of contexts that nothing can end.
 *
 * @module
 */

import { CancelScope } from './cancel-scope.ts';
import type { Watcher } from './watcher.ts';
import type { Clock } from './clock.ts';

/** The scope that never ends. It keeps no watchers, so it is safe to share by everything. */
export class EndlessScope extends CancelScope {
  override readonly isEndless = true;

  constructor(clock: Clock) {
    super(undefined, clock, Infinity);
  }

  override get ended(): boolean {
    return false;
  }

  override get signal(): AbortSignal {
    neverAborted ??= deafSignal();
    return neverAborted;
  }

  override watch(_watcher: Watcher): boolean {
    return true;
  }

  override unwatch(_watcher: Watcher): boolean {
    return true;
  }

  override end(_cause: unknown): void {}
}

// --- internal ---

/** One signal for all. Made when first asked for. */
let neverAborted: AbortSignal | undefined;

/** A signal that never aborts and so keeps no listeners: however many share it, none is retained, and nobody is warned. */
function deafSignal(): AbortSignal {
  return Object.defineProperty(new AbortController().signal, 'addEventListener', { value: () => {} });
}
