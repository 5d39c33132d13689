/**
 * Act of deadlines: what is ordered cannot be found in time. Each layer must know how little time is left, and stop when it is over.
 *
 * @module
 */

import type { Hop } from '../contract/hop.ts';
import { machineMs } from '../contract/hop.ts';
import { order, prepare } from './client.ts';
import { layersOfRequest } from './hop-book.ts';
import type { Stage } from './stage.ts';

/** Plays it. */
export async function playDeadlines(stage: Stage): Promise<void> {
  const { context, actMs, figures, note } = stage;
  const endsAt = performance.now() + actMs;
  let requests = 0;
  do {
    const timeoutMs = timeouts[requests % timeouts.length] ?? 400;
    await askInVain(stage, timeoutMs, requests === 0);
    requests++;
    context.throwIfCancelled();
  } while (performance.now() < endsAt);
  figures.note('deadlines.requests', requests);
  note(
    `${requests} orders that nobody could find in time: no layer went on, and none believed in more time than there was`,
  );
}

// --- internal ---

/** Time for those to tell that end a little later than the answer. Milliseconds. */
const SETTLE_MS = 2000;

/** What users give, in turn. Milliseconds; all less than the orders service allows the inventory. */
const timeouts: readonly number[] = [400, 800, 1200];

async function askInVain(stage: Stage, timeoutMs: number, isShown: boolean): Promise<void> {
  const { platform, hops, context, figures, show } = stage;
  const sent = prepare({ user: 'ada', region: 'eu', lines: [{ sku: 'piano', quantity: 1 }], timeoutMs });
  if (isShown) show(sent.traceId);
  const sentAt = machineMs();
  const { status } = await order(platform.url, sent, context);
  const told = await hops.complete(sent.traceId, layersOfRequest, { context, ms: SETTLE_MS });
  const onWay = layersOfRequest.flatMap((layer) => told.find((hop) => hop.layer === layer) ?? []);
  figures.note('deadlines.silent', silentLayers(onWay) + (status === 504 ? 0 : 1));
  figures.note('deadlines.later', laterHops(timeoutMs, onWay));
  figures.note('deadlines.outlived_ms', Math.max(...onWay.map(({ endedAt }) => endedAt)) - (sentAt + timeoutMs));
}

/** How many told nothing although one that they called has: a layer that was not reached in time has nothing to tell. */
function silentLayers(onWay: readonly Hop[]): number {
  return layersOfRequest.findLastIndex((layer) => onWay.some((hop) => hop.layer === layer)) + 1 - onWay.length;
}

/** How many believed, when they began, that there was more time than whoever called them had at its own beginning. */
function laterHops(timeoutMs: number, onWay: readonly Hop[]): number {
  const left = [timeoutMs, ...onWay.map(({ leftMs }) => leftMs)];
  return left.filter((ms, index) => index > 0 && ms > (left[index - 1] ?? 0)).length;
}
