/**
 * Redis program: which server program the tests run on.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

import { inRepository } from '../repository.ts';

/** Returns the server program, by name or path; undefined where there is none. */
export function findRedisProgram(): string | undefined {
  found ??= candidates().find((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0);
  return found;
}

/**
 * Returns the server program.
 *
 * @throws Error when there is none, with what to do about it.
 */
export function redisProgram(): string {
  const program = findRedisProgram();
  if (program !== undefined) return program;
  throw new Error('no redis-server here: run "sh test/setup/get-redis.sh", or set REDIS_SERVER_BIN to the program');
}

// --- internal ---

let found: string | undefined;

function candidates(): string[] {
  const named = process.env['REDIS_SERVER_BIN'] ?? '';
  return [named, 'redis-server', 'valkey-server', inRepository('.cache/redis/bin/redis-server')].filter(
    (program) => program !== '',
  );
}
