/**
 * Orders process: the example in a process group of its own, its output as it comes, and what is left of it afterwards.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';

import { repository } from '../repository.ts';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A run under way. */
export interface OrdersProcess {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  /** What it printed on standard error so far. */
  errors(): string;
  /** Resolves when the output contains `text`; rejects when the process ends before. */
  printed(text: string): Promise<void>;
  /** Commands of what it has started and is still there, servers included. */
  left(): string[];
  /** Id of the process whose command contains `text`. */
  pidOf(text: string): number;
  readonly ended: Promise<Ending>;
  /** Kills what is left. */
  kill(): void;
}

/** Starts `npm run orders -- args` at the top of the repository. */
export function npmRunOrders(...args: readonly string[]): OrdersProcess {
  return start('npm', ['run', '--silent', 'orders', '--', ...args]);
}

/** Starts the program itself, without npm. */
export function startOrdersProgram(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): OrdersProcess {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', 'examples/orders/src/main.ts'];
  return start(process.execPath, [...flags, ...args], env);
}

/** Reads a number from the `key value` lines of a summary. */
export function figure(output: string, key: string): number {
  const value = new RegExp(`^${key.replaceAll('.', '\\.')} (\\S+)$`, 'm').exec(output)?.[1];
  if (value === undefined) throw new Error(`no ${key} in:\n${output}`);
  return Number(value);
}

// --- internal ---

let runs = 0;

function start(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): OrdersProcess {
  const mark = `HOLDFAST_ORDERS_TEST=${process.pid}-${++runs}`;
  const [name = '', value] = mark.split('=');
  const child = spawn(program, args, {
    cwd: repository,
    detached: true,
    env: { ...process.env, [name]: value, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (texts.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.stderr += chunk));
  return {
    child,
    output: () => texts.stdout,
    errors: () => texts.stderr,
    printed: (text) => waitFor(text, child, texts),
    left: () => marked(mark).map(({ command }) => command),
    pidOf(text) {
      const found = marked(mark).find(({ command }) => command.includes(text));
      if (found === undefined) throw new Error(`no process of ${text}`);
      return found.pid;
    },
    ended: once(child, 'close').then(([code, signal]): Ending => ({ code, signal })),
    kill() {
      for (const { pid } of marked(mark)) process.kill(pid, 'SIGKILL');
    },
  };
}

function waitFor(text: string, child: ChildProcess, texts: { stdout: string; stderr: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (texts.stdout.includes(text)) resolve();
    };
    child.stdout?.on('data', look);
    child.once('close', () => reject(new Error(`ended before "${text}":\n${texts.stdout}\n${texts.stderr}`)));
    look();
  });
}

interface Living {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose environment has the mark, in whatever group they are: RabbitMQ's make groups of their own. */
function marked(mark: string): Living[] {
  return readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? (livingIn(Number(pid), mark) ?? []) : []));
}

function livingIn(pid: number, mark: string): Living | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    if (stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')) return undefined;
    if (!readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark)) return undefined;
    return { pid, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
  } catch {
    return undefined; // it has ended meanwhile, or is not ours
  }
}
