/**
 * Run: the platform and the story on it, as the two parts of the program.
 *
 *   platform: start ───────────────────────────────────────────────► close
 *   story:            start ─► told to the end, or broken off by drain
 *
 * @module
 */

import { Context } from '@holdfast/core';
import type { Component } from '@holdfast/service';

import type { Arguments } from '../arguments.ts';
import type { Journal } from '../journal/journal.ts';
import { type Platform, openPlatform } from '../platform/platform.ts';
import { HopBook } from './hop-book.ts';
import { Figures } from './promises.ts';
import { tell } from './story.ts';

/** A run. */
export interface Run {
  readonly platform: Component;
  readonly story: Component;
  readonly figures: Figures;
  /** Resolves when the story is over, told or broken off; rejects with what went wrong in it. */
  readonly told: Promise<void>;
}

/** Creates a run, of which nothing is started yet. */
export function createRun({ forMs, clients, stopsWithinMs }: Arguments, { note, hop, show }: Journal): Run {
  const context = Context.background.withCancel();
  const figures = new Figures(stopsWithinMs);
  const hops = new HopBook();
  const story = { end: (): void => {}, fail: (_error: unknown): void => {} };
  const told = new Promise<void>((resolve, reject) => Object.assign(story, { end: resolve, fail: reject }));
  let platform: Platform | undefined;
  const play = async (): Promise<void> => {
    if (platform === undefined) return;
    try {
      await tell({ platform, hops, figures, context, clients, note, show }, forMs);
    } catch (error) {
      if (!context.cancelled || context.cause instanceof ServiceDiedError) throw error;
    }
  };
  return {
    figures,
    told,
    platform: {
      name: 'platform',
      async start() {
        platform = await openPlatform({
          progress: note,
          hop: (each) => (hops.add(each), hop(each)),
          died: (name, output) => context.cancel(new ServiceDiedError(name, output)),
        });
      },
      close: () => platform?.close(),
    },
    story: {
      name: 'story',
      start: () => void play().then(story.end, story.fail),
      async drain() {
        context.cancel();
        await told.catch(() => {}); // whoever waits for it is told
      },
    },
  };
}

// --- internal ---

/** A process of a service has ended by itself: nothing that is measured from then on says anything. */
class ServiceDiedError extends Error {
  override readonly name = 'ServiceDiedError';

  constructor(service: string, output: string) {
    super(`the ${service} service has died${output === '' ? '' : `:\n${output}`}`);
  }
}
