/**
 * Redis program: the server program of this machine, installed where there is none and it can be.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Returns the server program, by name or path.
 *
 * @throws Error when there is none, and none can be installed, with what to do about it.
 */
export function redisProgram(): string {
  const named = process.env['REDIS_SERVER_BIN'] ?? '';
  if (named !== '') return requireProgram(named);
  const program = find();
  if (program !== undefined) return program;
  console.error('fleet: no redis-server here, trying to install one');
  spawnSync('sh', [`${repository}test/setup/get-redis.sh`], { stdio: ['ignore', 'ignore', 'inherit'] });
  const installed = find();
  if (installed !== undefined) return installed;
  throw new Error(
    'there is no redis-server. Install one, set REDIS_SERVER_BIN to its program, or REDIS_URL to a Redis that runs',
  );
}

// --- internal ---

const repository = fileURLToPath(new URL('../../../', import.meta.url));

function find(): string | undefined {
  return ['redis-server', 'valkey-server', `${repository}.cache/redis/bin/redis-server`].find(isProgram);
}

function requireProgram(named: string): string {
  if (isProgram(named)) return named;
  throw new Error(`REDIS_SERVER_BIN is "${named}", which does not run as a redis-server`);
}

function isProgram(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
