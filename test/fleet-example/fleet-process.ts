/**
 * Fleet process: the example in a process group of its own, its output as it comes, and what is left of it afterwards.
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

/** A fleet under way. */
export interface FleetProcess {
  readonly child: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  /** What it printed on standard error so far. */
  errors(): string;
  /** Resolves when the output contains `text`; rejects when the process ends before. */
  printed(text: string): Promise<void>;
  /** Commands of the processes that are left of its group. */
  left(): string[];
  /** Ids of the processes of the fleet. */
  memberPids(): number[];
  readonly ended: Promise<Ending>;
  /** Kills what is left of the group. */
  kill(): void;
}

/** Starts `npm run fleet -- args` at the top of the repository. */
export function npmRunFleet(args: readonly string[], env: Readonly<Record<string, string>> = {}): FleetProcess {
  return start('npm', ['run', '--silent', 'fleet', '--', ...args], env);
}

/** Starts the program itself, without npm. */
export function startFleetProgram(args: readonly string[], env: Readonly<Record<string, string>> = {}): FleetProcess {
  const flags = ['--conditions=@holdfast/source', '--import', 'tsx', 'examples/fleet/src/main.ts'];
  return start(process.execPath, [...flags, ...args], env);
}

/** Reads a number from the `key value` lines of a summary. */
export function figure(output: string, key: string): number {
  const value = new RegExp(`^${key.replaceAll('.', '\\.')} (\\S+)$`, 'm').exec(output)?.[1];
  if (value === undefined) throw new Error(`no ${key} in:\n${output}`);
  return Number(value);
}

// --- internal ---

function start(program: string, args: readonly string[], env: Readonly<Record<string, string>>): FleetProcess {
  const child = spawn(program, args, {
    cwd: repository,
    detached: true,
    env: { ...process.env, REDIS_URL: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (texts.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.stderr += chunk));
  const group = child.pid ?? 0;
  return {
    child,
    output: () => texts.stdout,
    errors: () => texts.stderr,
    printed: (text) => waitFor(text, child, texts),
    left: () => groupOf(group).map(({ command }) => command),
    memberPids: () => groupOf(group).flatMap(({ pid, command }) => (command.includes('member.mjs') ? pid : [])),
    ended: once(child, 'close').then(([code, signal]): Ending => ({ code, signal })),
    kill() {
      if (groupOf(group).length > 0) process.kill(-group, 'SIGKILL');
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

/** Processes of a group that have not ended. */
function groupOf(group: number): Living[] {
  return readdirSync('/proc').flatMap((pid) => (/^\d+$/.test(pid) ? (livingIn(pid, group) ?? []) : []));
}

function livingIn(pid: string, group: number): Living | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , ofGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(ofGroup) !== group || state === 'Z') return undefined;
    return { pid: Number(pid), command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') };
  } catch {
    return undefined; // it has ended meanwhile
  }
}
