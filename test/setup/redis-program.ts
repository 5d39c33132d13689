/**
 * Global set-up of tests that cannot do without a Redis server: gets the program once, before any test runs.
 * Without one the run fails; nothing is skipped.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

import { findRedisProgram } from '../redis-lab/redis-program.ts';
import { inRepository } from '../repository.ts';

export default function setup(): void {
  if (findRedisProgram() !== undefined) return;
  const { status, stderr } = spawnSync('sh', [inRepository('test/setup/get-redis.sh')], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`these tests need a redis-server:\n${stderr}`);
}
