/**
 * Act of orders: Ada and Bob order at the same time. Each layer must know who it works for, over one trace from end to end.
 *
 * @module
 */

import { type Answer, type Sent, order, prepare } from './client.ts';
import { layersOfRequest } from './hop-book.ts';
import { ordinaryErrand, startLoad } from './load.ts';
import { type Stage, PATIENCE_MS, noteFailures, quantile, unrecordedOf } from './stage.ts';
import { sleep } from './waiting.ts';

/** Plays it. */
export async function playOrders(stage: Stage): Promise<void> {
  const { platform, context, actMs, figures, note } = stage;
  await showOne(stage);
  const load = startLoad({ url: platform.url, perSecond: 30, errandOf: ordinaryErrand }, context);
  await sleep(actMs, context);
  await load.end();
  const { answers } = load;
  const unlike = await comparedHops(answers, stage);
  noteFailures(answers, stage);
  figures.note('orders.answered', answers.length);
  figures.note('orders.failed', answers.filter(({ status }) => status !== 201).length);
  figures.note(
    'orders.median_ms',
    quantile(
      answers.map(({ tookMs }) => tookMs),
      0.5,
    ),
  );
  figures.note('orders.bled', unlike.bled);
  figures.note('orders.traces_broken', unlike.broken);
  figures.note('orders.unrecorded', await unrecordedOf(answers, stage));
  note(`${answers.length} orders of ada and bob, each known by its own user and one trace in all layers`);
}

// --- internal ---

/** One order, hop by hop. */
async function showOne({ platform, hops, context, show }: Stage): Promise<void> {
  const sent = prepare({
    user: 'ada',
    region: 'eu',
    lines: [
      { sku: 'mirror', quantity: 1 },
      { sku: 'lamp', quantity: 2 },
    ],
  });
  show(sent.traceId);
  await order(platform.url, sent, context);
  await hops.complete(sent.traceId, [...layersOfRequest, 'audit'], { context, ms: PATIENCE_MS });
}

async function comparedHops(
  answers: readonly Answer[],
  { hops, context }: Stage,
): Promise<{ bled: number; broken: number }> {
  let bled = 0;
  let broken = 0;
  const layers = [...layersOfRequest, 'audit'];
  const compare = async (answer: Answer): Promise<void> => {
    const told = await hops.complete(answer.traceId, layers, { context, ms: PATIENCE_MS });
    bled += told.filter((hop) => !isOf(answer, hop)).length;
    if (!layers.every((layer) => told.some((hop) => hop.layer === layer))) broken++;
  };
  await Promise.all(answers.filter(({ status }) => status === 201).map(compare));
  return { bled, broken };
}

function isOf(sent: Sent, hop: { readonly user: string; readonly region: string; readonly orderRef: string }): boolean {
  return hop.user === sent.user && hop.region === sent.region && hop.orderRef === sent.ref;
}
