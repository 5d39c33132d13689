/**
 * Global set-up of the conformance tests: one private Redis server for the run, on a free port and a socket.
 * Without a server program nothing is provided; a test that needs one says so through `redisAddress`.
 *
 * @module
 */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';

import type { TestProject } from 'vitest/node';

import { inRepository } from '../repository.ts';

declare module 'vitest' {
  interface ProvidedContext {
    redis: { readonly port: number; readonly socket: string } | undefined;
  }
}

const startLimitMs = 10_000;

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const program = findServer();
  if (program === undefined) {
    project.provide('redis', undefined);
    return undefined;
  }

  const dir = mkdtempSync(`${tmpdir()}/holdfast-redis-`);
  const address = { port: await freePort(), socket: `${dir}/redis.sock` };
  const server = await start(program, dir, address);
  project.provide('redis', address);

  return async () => {
    server.kill('SIGTERM');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    rmSync(dir, { recursive: true, force: true });
  };
}

// --- internal ---

function findServer(): string | undefined {
  const candidates = [
    process.env['REDIS_SERVER_BIN'],
    'redis-server',
    'valkey-server',
    inRepository('.cache/redis/bin/redis-server'),
  ];
  return candidates.find(
    (program) => program !== undefined && spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}

async function start(program: string, dir: string, address: { port: number; socket: string }): Promise<ChildProcess> {
  const options = ['--port', String(address.port), '--bind', '127.0.0.1', '--unixsocket', address.socket];
  const quiet = ['--save', '', '--appendonly', 'no', '--dir', dir];
  // The kernel ends the server with this process, also when the run is killed.
  const tied = spawnSync('setpriv', ['--version'], { stdio: 'ignore' }).status === 0;
  const command = tied ? ['setpriv', '--pdeathsig', 'KILL', program] : [program];
  const [file = program, ...before] = command;
  const server = spawn(file, [...before, ...options, ...quiet], { stdio: ['ignore', 'pipe', 'pipe'] });

  let output = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`redis did not start in time:\n${output}`)), startLimitMs);
    server.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes('Ready to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
    server.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`redis ended with ${String(code)}:\n${output}`));
    });
  });
  return server;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
