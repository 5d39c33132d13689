/**
 * Act of deploying: each service is replaced while orders come: a new process is started, its address leads there, and the one
 * before gets SIGTERM. Nobody must notice.
 *
 * @module
 */

import { serviceNames } from '../platform/service-build.ts';
import { sentAgainCount } from './client.ts';
import { longErrand, startLoad } from './load.ts';
import { type Stage, noteFailures, unrecordedOf } from './stage.ts';
import { sleep } from './waiting.ts';

/** Plays it. */
export async function playDeploying(stage: Stage): Promise<void> {
  const { platform, context, actMs, figures, note } = stage;
  const load = startLoad({ url: platform.url, perSecond: 30, errandOf: longErrand }, context);
  const sentAgainBefore = sentAgainCount();
  let unclean = 0;
  for (const name of serviceNames) {
    await sleep(actMs / (2 * serviceNames.length), context);
    const { code, tookMs, output } = await platform.deploy(name);
    if (code !== 0) {
      unclean++;
      note(`${name} has left something behind (exit code ${code}): ${output}`);
    }
    figures.note('deploying.longest_stop_ms', tookMs);
    note(`${name} has been replaced; the one before was gone ${tookMs.toFixed(0)} ms after its SIGTERM`);
  }
  await load.end();
  const { answers } = load;
  const failed = answers.filter(({ status }) => status !== 201);
  figures.note('deploying.requests', answers.length);
  figures.note('deploying.failed', failed.length);
  figures.note('deploying.sent_again', sentAgainCount() - sentAgainBefore);
  figures.note('deploying.unrecorded', await unrecordedOf(answers, stage));
  figures.note('deploying.unclean_exits', unclean);
  noteFailures(answers, stage);
}
