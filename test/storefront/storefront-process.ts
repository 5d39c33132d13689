/**
 * Storefront process: the example in a process group of its own, its output as it comes, and what is left of it afterwards.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

import { repository } from '../repository.ts';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A storefront under way. */
export interface StorefrontProcess {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  /** What it printed on standard error so far. */
  errors(): string;
  /** Resolves with the output when it contains `text`; rejects when the process ends before. */
  printed(text: string): Promise<string>;
  /** Sends a signal to the whole group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ending>;
  /** Kills what is left of the group. */
  kill(): void;
}

/** Starts `node main.ts` with `args`, as `npm start` does. */
export function startStorefront(...args: readonly string[]): StorefrontProcess {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', 'examples/storefront/src/main.ts'];
  return start(process.execPath, [...flags, ...args]);
}

/** Starts `npm start -- args` at the top of the repository. */
export function npmStart(...args: readonly string[]): StorefrontProcess {
  return start('npm', ['start', '--', ...args]);
}

/** Reads an address or the token from what a storefront prints at its start. */
export function printedValue(output: string, label: string): string {
  const value = new RegExp(`^${label} +(\\S+)$`, 'm').exec(output)?.[1];
  if (value === undefined) throw new Error(`no ${label} in:\n${output}`);
  return value;
}

/** Reads a number from the `key value` lines of a summary. */
export function summaryValue(output: string, key: string): number {
  return Number(printedValue(output, key.replaceAll('.', '\\.')));
}

/** Whether anybody listens at `url`. */
export async function isListening(url: string): Promise<boolean> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Whether a process of the group that `child` led is left. The compiler's helper ends a moment after its parent. */
export function isGroupAlive({ child }: StorefrontProcess): boolean {
  try {
    process.kill(-groupOf(child), 0);
    return true;
  } catch {
    return false;
  }
}

// --- internal ---

function start(command: string, args: readonly string[]): StorefrontProcess {
  const { npm_lifecycle_event: _ofTheTests, ...env } = process.env; // who starts it without npm has no npm above it
  const child = spawn(command, args, { cwd: repository, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (texts.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.stderr += chunk));
  const ended = once(child, 'close').then(([code, signal]): Ending => ({ code, signal }));
  const started: StorefrontProcess = {
    child,
    output: () => texts.stdout,
    errors: () => texts.stderr,
    printed: (text) => waitFor(text, child, texts),
    signalGroup: (signal) => signalGroup(child, signal),
    ended,
    kill() {
      if (isGroupAlive(started)) signalGroup(child, 'SIGKILL');
    },
  };
  return started;
}

function waitFor(text: string, child: ChildProcess, texts: { stdout: string; stderr: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (texts.stdout.includes(text)) resolve(texts.stdout);
    };
    child.stdout?.on('data', look);
    child.once('close', () => reject(new Error(`ended before "${text}":\n${texts.stdout}\n${texts.stderr}`)));
    look();
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  process.kill(-groupOf(child), signal);
}

function groupOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the process did not start');
  return pid;
}
