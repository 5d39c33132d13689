/**
 * Load: orders at a steady rate, whatever becomes of them.
 *
 * @module
 */

import type { Context } from '@holdfast/core';

import { type Answer, type Errand, order, prepare } from './client.ts';

/** A load under way. */
export interface Load {
  readonly answers: readonly Answer[];
  /** Sends no more, and waits for what is under way. */
  end(): Promise<void>;
}

/** What is sent. */
export interface LoadOptions {
  readonly url: string;
  readonly perSecond: number;
  readonly errandOf: (index: number) => Errand;
}

/** Starts a load. It ends with the context at the latest. */
export function startLoad({ url, perSecond, errandOf }: LoadOptions, context: Context): Load {
  const answers: Answer[] = [];
  const pending = new Set<Promise<void>>();
  let index = 0;
  const send = async (): Promise<void> => void answers.push(await order(url, prepare(errandOf(index++)), context));
  const timer = setInterval(() => {
    if (pending.size >= MAX_PENDING) return; // a machine that is slower gets less
    const sending = send().finally(() => pending.delete(sending));
    pending.add(sending);
  }, 1000 / perSecond);
  const stop = (): void => clearInterval(timer);
  const unhook = context.onCancel(stop);
  return {
    answers,
    async end() {
      stop();
      unhook();
      await Promise.all(pending);
    },
  };
}

/** What Ada and Bob order in turn: one thing, or two at once. */
export function ordinaryErrand(index: number): Errand {
  const [user, region] = index % 2 === 0 ? ['ada', 'eu'] : ['bob', 'us'];
  const lines = [{ sku: things[index % things.length] ?? 'lamp', quantity: 1 }];
  if (index % 5 === 0) lines.push({ sku: 'mirror', quantity: 2 });
  return { user: user ?? 'ada', region: region ?? 'eu', lines };
}

/**
 * As {@link ordinaryErrand}, but that one in four takes so long that something is under way at any moment. All wait as long as
 * the gateway lets them: what is late on a slow machine is none that a deployment has failed.
 */
export function longErrand(index: number): Errand {
  const errand = { ...ordinaryErrand(index), timeoutMs: 5000 };
  return index % 4 === 0 ? { ...errand, lines: [{ sku: 'wardrobe', quantity: 1 }] } : errand;
}

// --- internal ---

/** Orders under way at most: what a machine has under way that keeps up, and some more. */
const MAX_PENDING = 10;

const things: readonly string[] = ['lamp', 'chair', 'desk'];
