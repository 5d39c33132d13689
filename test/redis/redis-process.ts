/**
 * Redis process: a redis-server of a test's own, on a socket, that can be stopped, continued, killed and started again.
 *
 * @module
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { inRepository } from '../repository.ts';

/** A server that belongs to one test. */
export interface RedisProcess {
  /** Path of its socket, which stays the same over restarts. */
  readonly socket: string;
  /** Kills it, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again, empty. */
  start(): Promise<void>;
  /** Stops and continues it, as an overloaded machine would. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends it and removes what it left. */
  close(): Promise<void>;
}

/** Starts a server. Throws where there is no program: `sh test/setup/get-redis.sh` gets it. */
export async function startRedis(args: readonly string[] = []): Promise<RedisProcess> {
  const program = findProgram();
  const folder = mkdtempSync(`${tmpdir()}/holdfast-redis-`);
  const socket = `${folder}/redis.sock`;
  let server = await launch(program, folder, [...quiet, '--dir', folder, '--unixsocket', socket, ...args]);
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  return {
    socket,
    kill,
    start: async () => {
      server = await launch(program, folder, [...quiet, '--dir', folder, '--unixsocket', socket, ...args]);
    },
    signal: (signal) => void server.kill(signal),
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// --- internal ---

const quiet = ['--port', '0', '--save', '', '--appendonly', 'no'];

function findProgram(): string {
  const candidates = [
    process.env['REDIS_SERVER_BIN'],
    'redis-server',
    'valkey-server',
    inRepository('.cache/redis/bin/redis-server'),
  ];
  const found = candidates.find(
    (program) => program !== undefined && spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  if (found === undefined) throw new Error('there is no redis-server: run sh test/setup/get-redis.sh');
  return found;
}

async function launch(program: string, folder: string, args: readonly string[]): Promise<ChildProcess> {
  // The kernel ends the server with this process, also when the run is killed.
  const isTied = spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;
  const command = isTied ? ['setpriv', '--pdeathsig', 'KILL', program] : [program];
  const [file = program, ...before] = command;
  const server = spawn(file, [...before, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections') || output.includes('ready to accept connections')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`redis ended with ${String(code)}:\n${output}`)));
  });
  return server;
}
