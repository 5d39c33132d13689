/**
 * Main: `npm start`. Reads the command line, runs the storefront, shows it, sums it up, and leaves nothing behind.
 *
 * Exit codes: 0 the run ended or was asked to end · 1 it failed · 2 the command line is wrong · 130 it was cut short.
 *
 * @module
 */

import { type Arguments, UsageError, help, parseArguments } from './arguments.ts';
import { type Lifecycle, createLifecycle } from './lifecycle.ts';
import { type Run, startRun } from './run.ts';
import { type Storefront, openStorefront } from './storefront.ts';
import { summarise, summaryLines, summaryTable } from './summary.ts';
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
    console.error(`storefront: ${error.message}\nTry: npm start -- --help`);
    return 2;
  }
}

async function play(args: Arguments): Promise<number> {
  const lifecycle = createLifecycle();
  try {
    const opened = await Promise.race([openStorefront(args, lifecycle), lifecycle.asked]);
    return typeof opened === 'number' ? opened : await tell(opened, args, lifecycle);
  } catch (error) {
    console.error(`storefront: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await lifecycle.drain();
  }
}

async function tell(storefront: Storefront, args: Arguments, lifecycle: Lifecycle): Promise<number> {
  printAddresses(storefront);
  const isPlain = !isScreen(process.stdout);
  const onEntry = isPlain ? ({ atMs, text }: { atMs: number; text: string }) => printEntry(atMs, text) : undefined;
  const run = startRun(storefront, { args, lifecycle, ...(onEntry && { onEntry }) });
  const view = showRun(run);
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<number>((resolve) => {
    if (args.forMs !== undefined) timer = setTimeout(() => resolve(0), args.forMs);
  });
  const code = await Promise.race([end, lifecycle.asked]);
  clearTimeout(timer);
  view.close();
  await lifecycle.drain();
  printSummary(storefront, run);
  return code;
}

function printAddresses({ addresses }: Storefront): void {
  console.log(`shop         ${addresses.protected}`);
  console.log(`unprotected  ${addresses.unprotected}`);
  console.log(`metrics      ${addresses.metrics}`);
  console.log(`console      ${addresses.admin}/console/`);
  console.log(`admin        ${addresses.admin}`);
  console.log(`token        ${addresses.token}`);
  console.log(`viewer       ${addresses.viewerToken}\n`);
}

function printEntry(atMs: number, text: string): void {
  console.log(`+ ${(atMs / 1000).toFixed(1)}s ${text}`);
}

function printSummary(storefront: Storefront, run: Run): void {
  const summary = summarise(storefront, run.elapsedMs(), run.storyMs);
  console.log(`\n${summaryLines(summary).join('\n')}\n\n${summaryTable(summary)}`);
}
