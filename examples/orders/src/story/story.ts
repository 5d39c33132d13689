/**
 * Story: tells the acts one after the other, each in its share of the time.
 *
 *   orders ─► deadlines ─► leaving ─► deploying ─► crash
 *
 * @module
 */

import { playCrash } from './act-of-crash.ts';
import { playDeadlines } from './act-of-deadlines.ts';
import { playDeploying } from './act-of-deploying.ts';
import { playLeaving } from './act-of-leaving.ts';
import { playOrders } from './act-of-orders.ts';
import type { Stage } from './stage.ts';

/** Tells all acts in about so much time. Rejects with the cause of the stage's context when that ends before. */
export async function tell(stage: Omit<Stage, 'actMs'>, forMs: number): Promise<void> {
  for (const [index, act] of acts.entries()) {
    stage.hops.clear();
    stage.note(`act ${index + 1}, ${act.name}: ${act.title}`);
    await act.play({ ...stage, actMs: act.shareRatio * forMs });
  }
}

// --- internal ---

/** One act. */
interface Act {
  readonly name: string;
  /** What there is to see, in one line. */
  readonly title: string;
  /** Share of the story that it takes, 0 to 1; more where what it waits for takes longer. */
  readonly shareRatio: number;
  play(stage: Stage): Promise<void>;
}

/** All acts, in order. */
const acts: readonly Act[] = Object.freeze([
  { name: 'orders', title: 'ada and bob order at the same time', shareRatio: 0.15, play: playOrders },
  { name: 'deadlines', title: 'what is ordered is not found in time', shareRatio: 0.15, play: playDeadlines },
  {
    name: 'leaving',
    title: 'clients are killed while the database works for them',
    shareRatio: 0.2,
    play: playLeaving,
  },
  { name: 'deploying', title: 'each service is replaced while orders come', shareRatio: 0.25, play: playDeploying },
  {
    name: 'crash',
    title: 'the inventory is killed while orders come, and comes back',
    shareRatio: 0.25,
    play: playCrash,
  },
]);
