/**
 * Main: `npm run fleet`. Reads the command line, tells the story, shows it, sums it up, and leaves nothing behind.
 *
 * Exit codes: 0 the promises were kept · 1 one was broken, or the run failed · 2 the command line is wrong · 130 it was cut short.
 *
 * @module
 */

import { type Arguments, UsageError, help, parseArguments } from './arguments.ts';
import type { JournalEntry } from './journal.ts';
import { type Lifecycle, createLifecycle } from './lifecycle.ts';
import { type Run, gather, openRun } from './run.ts';
import { summaryLines, summaryTable } from './summary.ts';
import { isScreen, showRun } from './view.ts';

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
    console.error(`fleet: ${error.message}\nTry: npm run fleet -- --help`);
    return 2;
  }
}

async function play(args: Arguments): Promise<number> {
  const lifecycle = createLifecycle();
  try {
    const run = await openRun(args, lifecycle, isScreen(process.stdout) ? undefined : printEntry);
    await tell(run, lifecycle);
    await lifecycle.drain();
    return sumUp(run);
  } catch (error) {
    console.error(`fleet: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await lifecycle.drain();
  }
}

/** Tells the story until its end or that of the run. */
async function tell(run: Run, lifecycle: Lifecycle): Promise<void> {
  console.log(`dependency  ${run.stage.dependency.url}`);
  console.log(
    `redis       ${run.stage.redis.isOurs ? run.stage.redis.url : 'of REDIS_URL; the acts that kill it are left out'}\n`,
  );
  const view = showRun(run);
  try {
    await gather(run);
    await run.story.tell(run.stage);
  } catch (error) {
    if (!lifecycle.signal.aborted) throw error;
  } finally {
    view.close();
  }
  if (lifecycle.failure !== undefined) throw lifecycle.failure;
}

function sumUp({ stage: { figures } }: Run): number {
  const all = figures.all();
  console.log(`\n${summaryLines(all).join('\n')}\n\n${summaryTable(all)}`);
  return figures.areKept() ? 0 : 1;
}

function printEntry({ atMs, text }: JournalEntry): void {
  console.log(`+ ${(atMs / 1000).toFixed(1)}s ${text}`);
}
