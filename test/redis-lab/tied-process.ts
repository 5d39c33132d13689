/**
 * Tied process: a child that does not outlive this process, however this process ends.
 *
 * On Linux the kernel kills it with the thread that started it (`setpriv --pdeathsig KILL`), also when it is stopped, and also
 * when this process is killed with SIGKILL. That holds once the child is up: one that was stopped before its program began is
 * not tied yet. Elsewhere it is killed when this process exits by itself.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A child under way, or one that has ended. */
export interface TiedProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves when it has ended and its output is complete. Never rejects. */
  readonly ended: Promise<Ending>;
  isRunning(): boolean;
  /** The last that it printed, both streams together. At most 64 KiB. */
  output(): string;
  /** Sends a signal; does nothing where the process has ended. */
  signal(name: NodeJS.Signals): void;
  /** Kills it with SIGKILL and waits for its end. */
  kill(): Promise<Ending>;
}

/** How to start a child. */
export interface TiedOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Whether it gets an IPC channel, for values that the structured clone algorithm copies. */
  readonly hasChannel?: boolean;
}

/**
 * Starts `file` with `args`.
 *
 * @throws Error when the program does not start.
 */
export function spawnTied(file: string, args: readonly string[], options: TiedOptions = {}): TiedProcess {
  const [program, ...before] = isPrivileged() ? ['setpriv', '--pdeathsig', 'KILL', file] : [file];
  const child = spawn(program ?? file, [...before, ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    serialization: 'advanced',
    stdio: options.hasChannel === true ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
  });
  child.on('error', () => {}); // that of a signal or a message which came too late
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} does not start`);
  return tie(child, pid);
}

// --- internal ---

const maxOutputLength = 65_536;
const living = new Set<ChildProcess>();
let isWatchingExit = false;
let hasSetpriv: boolean | undefined;

function isPrivileged(): boolean {
  hasSetpriv ??= spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;
  return hasSetpriv;
}

function tie(child: ChildProcess, pid: number): TiedProcess {
  watchExit();
  living.add(child);
  let output = '';
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-maxOutputLength);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  child.once('exit', () => living.delete(child));
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (isRunning()) child.kill(name);
  };
  return {
    child,
    pid,
    ended,
    isRunning,
    output: () => output,
    signal,
    kill() {
      signal('SIGKILL');
      return ended;
    },
  };
}

function watchExit(): void {
  if (isWatchingExit) return;
  isWatchingExit = true;
  process.on('exit', () => {
    for (const child of living) child.kill('SIGKILL');
  });
}
