/**
 * Global set-up of the conformance tests: one private Redis server for the run, on a free port and a socket.
 * Without a server program nothing is provided, and the tests that need one are skipped; in CI the run fails instead.
 *
 * @module
 */

import type { TestProject } from 'vitest/node';

import { findRedisProgram, redisProgram } from '../redis-lab/redis-program.ts';
import { startRedisServer } from '../redis-lab/redis-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    redis: { readonly port: number; readonly socket: string } | undefined;
  }
}

const isCi = (process.env['CI'] ?? '') !== '';

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const program = isCi ? redisProgram() : findRedisProgram();
  if (program === undefined) {
    project.provide('redis', undefined);
    return undefined;
  }

  const server = await startRedisServer({ config: ['unixsocket redis.sock'] });
  project.provide('redis', { port: server.port, socket: `${server.folder}/redis.sock` });
  return () => server.stop();
}
