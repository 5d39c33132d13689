/**
 * Story: tells the acts one after the other, each in its share of the time, and knows where it is.
 *
 *   act ── play ─► its time is over ─► next act ── after the last ─► again, or the end
 *
 * @module
 */

import type { Act } from './acts.ts';
import { noteWholeRun } from './run-figures.ts';
import type { Stage } from './stage.ts';
import { sleep } from './waiting.ts';

/** A story that is told. */
export interface Story {
  readonly acts: readonly Act[];
  /** Number of the act that is played, from 0. */
  readonly index: number;
  /** How often it has been told to the end. */
  readonly round: number;
  /** Share of the act that is over, 0 to 1. */
  progressRatio(): number;
  /**
   * Tells it, once or until the run ends.
   *
   * @throws AbortError when the run ends before.
   */
  tell(stage: Stage): Promise<void>;
}

/** Makes a story of `acts` that takes `forMs`; undefined tells it again and again. */
export function createStory(acts: readonly Act[], forMs: number | undefined): Story {
  return new ToldStory(acts, forMs);
}

// --- internal ---

/** Time in which the story is told when the run has no end. Milliseconds. */
const ROUND_MS = 60_000;

class ToldStory implements Story {
  readonly acts: readonly Act[];
  index = 0;
  round = 0;
  private readonly forMs: number | undefined;
  private begunAt = performance.now();

  constructor(acts: readonly Act[], forMs: number | undefined) {
    this.acts = acts;
    this.forMs = forMs;
  }

  progressRatio(): number {
    const act = this.acts[this.index];
    return act === undefined ? 1 : Math.min(1, (performance.now() - this.begunAt) / this.lengthMs(act));
  }

  async tell(stage: Stage): Promise<void> {
    do {
      for (const [index, act] of this.acts.entries()) await this.play(act, index, stage);
      this.round++;
    } while (this.forMs === undefined);
  }

  private async play(act: Act, index: number, stage: Stage): Promise<void> {
    this.index = index;
    this.begunAt = performance.now();
    stage.fleet.forget();
    stage.note(`act ${index + 1}, ${act.name}: ${act.title}`);
    try {
      await act.play(stage);
      const restMs = this.lengthMs(act) - (performance.now() - this.begunAt);
      await sleep({ ms: Math.max(0, restMs), signal: stage.signal });
    } finally {
      noteWholeRun(stage);
    }
  }

  private lengthMs({ shareRatio }: Act): number {
    return shareRatio * (this.forMs ?? ROUND_MS);
  }
}
