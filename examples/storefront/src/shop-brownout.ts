/**
 * Shop brownout: turns what rendering refuses into a level, and hands the level to the features.
 *
 * The paces are those of the story: it has a minute, or a few seconds, where a real service takes the defaults. What is kept is
 * their order: up at once, at most one level in `dwellMs`, and down slowly; nobody sees a feature go and come back in that time.
 *
 * @module
 */

import type { Events, PolicyEvent } from '@holdfast/core';
import {
  type Brownout,
  type FeatureChangedEvent,
  type SignalMeter,
  createBrownout,
  runBrownout,
} from '@holdfast/degradation';

import { features } from './features.ts';

/** What {@link startBrownout} needs. */
export interface BrownoutParts {
  readonly events: Events;
  readonly meter: SignalMeter;
  /** Hands the level on: `degradation.setLevel`. */
  readonly apply: (level: number, reason: string) => void;
  /** Length of the story. Milliseconds. */
  readonly storyMs: number;
}

/** A brownout under way. */
export interface ShopBrownout {
  readonly brownout: Brownout;
  /** The highest level so far. */
  readonly peakLevel: number;
  /** How often an essential feature was degraded by a level below the highest. */
  readonly earlyTouches: number;
  stop(): void;
}

/** Starts to observe. */
export function startBrownout({ events, meter, apply, storyMs }: BrownoutParts): ShopBrownout {
  const brownout = createBrownout({
    name: 'shop',
    sampleMs: SAMPLE_MS,
    dwellMs: storyMs * 0.03,
    raiseLevelsPerSecond: perStory(storyMs, 30),
    lowerLevelsPerSecond: perStory(storyMs, 16),
    signals: {
      shedRatio: { low: 0.05, high: 0.3 }, // few come in a second of the story: one refused of twenty is chance
      queueAgeMs: { low: 60, high: 200 }, // a page costs 33; what is refused says the rest
    },
    events,
  });
  let peakLevel = 0;
  let earlyTouches = 0;
  const stopListening = events.listen((event) => {
    if (isEssentialTouch(event) && brownout.level < brownout.maxLevel) earlyTouches++;
  });
  const runner = runBrownout(brownout, {
    read: (now) => meter.read(now),
    apply: (level, { text }) => {
      peakLevel = Math.max(peakLevel, level);
      apply(level, text);
    },
  });
  return {
    brownout,
    get peakLevel() {
      return peakLevel;
    },
    get earlyTouches() {
      return earlyTouches;
    },
    stop() {
      runner.stop();
      stopListening();
    },
  };
}

// --- internal ---

const SAMPLE_MS = 100;

/** Whether the level has taken an essential feature from its best mode. */
function isEssentialTouch(event: PolicyEvent): boolean {
  if (event.type !== 'feature.changed' || features[event.name]?.essential !== true) return false;
  const { from, cause } = event as FeatureChangedEvent;
  return cause === 'automatic' && from === features[event.name]?.modes[0];
}

/** Levels a second, for so many levels in the whole story. */
function perStory(storyMs: number, levels: number): number {
  return Math.min(10, Math.max(0.01, levels / (storyMs / 1000)));
}
