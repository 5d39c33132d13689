/**
 * Run: lets the shoppers in and tells the story, from the start of the load to its end.
 *
 * @module
 */

import { seededRandom } from '@holdfast/core/testing';

import type { Arguments } from './arguments.ts';
import { type Journal, type JournalEntry, createJournal } from './journal.ts';
import type { Lifecycle } from './lifecycle.ts';
import { startLoad } from './load.ts';
import { operate } from './operator.ts';
import { type RecentVisits, recentVisits } from './recent-visits.ts';
import { type Refusals, watchRefusals } from './refusals.ts';
import { type Scene, hasFaults, sceneAt, storyMsOf } from './story.ts';
import type { Storefront } from './storefront.ts';
import type { Visit } from './visits.ts';

/** A run under way. */
export interface Run {
  readonly storefront: Storefront;
  readonly journal: Journal;
  readonly recent: RecentVisits;
  readonly refusals: Refusals;
  /** Length of one round of the story. Milliseconds. */
  readonly storyMs: number;
  /** Whether the run ends with the story. */
  readonly endsWithStory: boolean;
  /** Milliseconds since the shoppers were let in; stands still when they have left. */
  elapsedMs(): number;
  scene(): Scene;
}

/** Lets the shoppers in. `lifecycle` ends the run. */
export function startRun(
  storefront: Storefront,
  { args, lifecycle, onEntry }: { args: Arguments; lifecycle: Lifecycle; onEntry?: (entry: JournalEntry) => void },
): Run {
  const startedAt = performance.now();
  let stoppedAt: number | undefined;
  const elapsedMs = (): number => (stoppedAt ?? performance.now()) - startedAt;
  const storyMs = storyMsOf(args.forMs);
  const endsWithStory = args.forMs !== undefined;
  const { events } = storefront.registry;
  const run: Run = {
    storefront,
    journal: createJournal(events, elapsedMs, onEntry),
    recent: recentVisits(),
    refusals: watchRefusals(events),
    storyMs,
    endsWithStory,
    elapsedMs,
    scene: () => sceneAt(endsWithStory ? Math.min(elapsedMs(), storyMs - 1) : elapsedMs(), storyMs),
  };
  lifecycle.defer('journal', () => run.journal.close());
  lifecycle.defer('refusals', () => run.refusals.close());
  const story = tellStory(run);
  lifecycle.defer('story', () => story.stop());
  letShoppersIn(run, args, lifecycle);
  lifecycle.defer('clock', () => (stoppedAt = performance.now()));
  return run;
}

// --- internal ---

/** How often the story looks whether the next act has begun. */
const STORY_TICK_MS = 20;

function tellStory(run: Run): { stop(): Promise<void> } {
  let lastAct: Scene['act'] | undefined;
  let operation: Promise<void> = Promise.resolve();
  const { admin, token } = run.storefront.addresses;
  const tick = (): void => {
    const { act, index } = run.scene();
    if (act === lastAct) return;
    lastAct = act;
    run.journal.note(`act ${index + 1}, ${act.name}: ${act.title}`);
    run.storefront.downstreams.setFaults(act.faults);
    operation = operate(act, { url: admin, token }, run.storyMs).catch((error: unknown) => {
      run.journal.note(`the operator failed: ${String(error)}`);
    });
  };
  tick();
  const timer = setInterval(tick, STORY_TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await operation;
    },
  };
}

function letShoppersIn(run: Run, args: Arguments, lifecycle: Lifecycle): void {
  const { addresses, visits } = run.storefront;
  const load = startLoad({
    shoppersPerSecond: () => args.shoppersPerSecond * (run.scene().act.crowd ?? 1),
    random: seededRandom(args.seed),
    urls: addresses,
    circumstances: () => {
      const { act } = run.scene();
      return { duringFaults: hasFaults(act), duringRush: act.crowd !== undefined };
    },
    onVisit: (visit: Visit) => {
      visits.add(visit);
      run.recent.add(visit, performance.now());
    },
  });
  lifecycle.defer('shoppers', () => load.stop());
}
