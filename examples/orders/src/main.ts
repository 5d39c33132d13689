/**
 * Main: `npm run orders`. Reads the command line, starts everything, tells the story, sums it up, and leaves nothing behind.
 *
 * Exit codes: 0 the promises were kept · 1 one was broken, or the run failed · 2 the command line is wrong.
 *
 * @module
 */

import { messageOf } from '@holdfast/core';
import { StartFailedError, createLifecycle } from '@holdfast/service';

import { type Arguments, UsageError, help, parseArguments } from './arguments.ts';
import { createJournal } from './journal/journal.ts';
import { createRun } from './story/run.ts';
import { summaryLines, summaryTable } from './story/summary.ts';

process.exitCode = await main(process.argv.slice(2));

// --- internal ---

async function main(words: readonly string[]): Promise<number> {
  try {
    const args = parseArguments(words);
    if (!args.help) return await play(args);
    process.stdout.write(help);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`orders: ${error.message}\nTry: npm run orders -- --help`);
    return 2;
  }
}

/** Starts everything and tells the story; signals, and the end of the story, stop it. */
async function play(args: Arguments): Promise<number> {
  const startTimeoutMs = 300_000; // RabbitMQ alone needs five seconds, and a minute on a machine that has much else to do
  const life = createLifecycle({ name: 'orders', process, startTimeoutMs, notReadyForMs: 0 });
  process.stdout.on('error', () => void life.stop('nobody reads the output')); // as in a pipe to head
  const run = createRun(args, createJournal());
  life.add(run.platform).add(run.story);
  try {
    await life.start();
  } catch (error) {
    console.error(`orders: ${messageOf(error instanceof StartFailedError ? error.cause : error)}`);
    return 1;
  }
  const isTold = await run.told.then(
    () => true,
    (error: unknown) => console.error(`orders: ${messageOf(error)}`),
  );
  const all = run.figures.all();
  console.log(`\n${summaryLines(all).join('\n')}\n\n${summaryTable(all)}`);
  const { isComplete } = await life.stop('the story is told');
  return isTold === true && isComplete && run.figures.areKept() ? 0 : 1;
}
