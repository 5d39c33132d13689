/**
 * Tap runner: what runs the calls of a policy that taps are attached to.
 *
 * @module
 */

import { type FuseUnder, type TapHolder, TapSwitch, isAnyAwake } from './pipeline-tap.ts';
import { Runner } from './policy.ts';

/** Runners of one policy: the one that it has without taps, and the one with the layers of those that are attached. */
export class TapRunner {
  private readonly holder: TapHolder;
  private readonly plain: Runner;
  private readonly choice: TapSwitch;
  private tapped: Runner;

  constructor(holder: TapHolder, plain: Runner, fuse: FuseUnder) {
    this.holder = holder;
    this.plain = plain;
    this.choice = new TapSwitch(holder, (taps) => (taps.length === 0 ? plain.stage : fuse(taps)), []);
    this.tapped = plain;
  }

  /** The runner for a call that starts now. */
  now(): Runner {
    const { plain } = this;
    if (!isAnyAwake(this.holder.taps)) return plain;
    const stage = this.choice.awake();
    if (this.tapped.stage !== stage) this.tapped = new Runner(stage, plain.clock, plain.tally);
    return this.tapped;
  }
}
