/**
 * Ruling watch: counts how often a process goes by an older ruling than before.
 *
 * @module
 */

import type { SharingExplanation } from '@holdfast/core';
import { standsAbove } from '@holdfast/core/fleet';

type Seen = Pick<SharingExplanation['ruling'], 'epoch' | 'state'>;

/** Watches the rulings of one circuit at one process. */
export class RulingWatch {
  #last: Seen = { epoch: 0, state: 'closed' };
  setbacks = 0;

  look({ epoch, state }: Seen): void {
    if (this.#isSetback({ epoch, state })) this.setbacks++;
    this.#last = { epoch, state };
  }

  /** A hold whose time is over reads as what follows it, at the same epoch. */
  #isSetback(now: Seen): boolean {
    const isHoldOver = now.epoch === this.#last.epoch && this.#last.state.startsWith('forced');
    return !isHoldOver && standsAbove(this.#last, now);
  }
}
