/**
 * Act of crash: the inventory is killed with SIGKILL while orders come, and started again a while later. Orders must be refused at
 * once, with word of when to come again, and be taken again when it is back. Then the audit is killed, and nobody must notice.
 *
 * @module
 */

import { type Answer, order, prepare } from './client.ts';
import { ordinaryErrand, startLoad } from './load.ts';
import { type Stage, PATIENCE_MS, unrecordedOf } from './stage.ts';
import { sleep, until } from './waiting.ts';

/** Plays it. */
export async function playCrash(stage: Stage): Promise<void> {
  const { platform, context, actMs, figures, note } = stage;
  const load = startLoad({ url: platform.url, perSecond: 30, errandOf: ordinaryErrand }, context);
  await sleep(actMs / 4, context);
  await platform.kill('inventory');
  const openedMs = await until(() => isOpen(stage), PATIENCE_MS, context);
  figures.note('crash.opened_ms', openedMs);
  note(`the inventory is killed: its circuit is open after ${shown(openedMs)}`);
  const openedAt = performance.now();
  await showOne(stage);
  await sleep(actMs / 4, context);
  noteRefusals(
    stage,
    load.answers.filter(({ sentAt }) => sentAt >= openedAt),
  );
  await platform.start('inventory');
  const recoveredMs = await until(() => load.answers.at(-1)?.status === 201, 2 * PATIENCE_MS, context);
  figures.note('crash.recovered_ms', recoveredMs);
  note(`the inventory is back: orders are taken again after ${shown(recoveredMs)}`);
  await killAudit(stage);
  await load.end();
  figures.note('crash.unrecorded', await unrecordedOf(load.answers, stage));
}

// --- internal ---

/** While there is no audit, its messages wait; those that were under way in it are delivered again. */
async function killAudit({ platform, context, actMs, note }: Stage): Promise<void> {
  await platform.kill('audit');
  note('the audit is killed: orders are taken all the same');
  await sleep(actMs / 8, context);
  await platform.start('audit');
  await sleep(actMs / 8, context);
}

async function isOpen({ platform }: Stage): Promise<boolean> {
  const reading = await platform.service('orders')?.read();
  return reading?.circuits['inventory'] === 'open';
}

/** What a user gets meanwhile. */
async function showOne({ platform, context, note }: Stage): Promise<void> {
  const { status, retryAfter, body } = await order(platform.url, prepare(ordinaryErrand(0)), context);
  note(`an order is answered ${status}, Retry-After: ${retryAfter ?? 'none'}, ${body}`);
}

function noteRefusals({ figures, note }: Stage, answers: readonly Answer[]): void {
  const refused = answers.filter(({ status }) => status === 503);
  const helpful = refused.filter(isHelpful);
  figures.note('crash.refused', refused.length);
  figures.note('crash.unhelpful', answers.length - helpful.length);
  figures.note('crash.slowest_refusal_ms', Math.max(...refused.map(({ tookMs }) => tookMs)));
  for (const { status, retryAfter, body } of answers.filter((answer) => !isHelpful(answer)).slice(0, 3))
    note(`unhelpful: ${status}, Retry-After: ${retryAfter ?? 'none'}, ${body}`);
}

/** A refusal that says when to come again, and what is wrong, in a form that programs understand. */
function isHelpful({ status, retryAfter, contentType, body }: Answer): boolean {
  if (status !== 503 || !(Number(retryAfter) >= 1)) return false;
  return contentType?.startsWith('application/problem+json') === true && body.includes('"status":503');
}

function shown(ms: number | undefined): string {
  return ms === undefined ? 'never' : `${ms.toFixed(0)} ms`;
}
