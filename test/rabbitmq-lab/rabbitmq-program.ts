/**
 * RabbitMQ programs: which server the tests run on.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';

import { inRepository } from '../repository.ts';

/**
 * Returns the folder of the server programs; gets them where they are missing.
 *
 * @throws Error when there are none and none can be had, with what to do about it.
 */
export function rabbitmqFolder(): string {
  if (found !== undefined) return found;
  const { status, stdout, stderr } = spawnSync('sh', [inRepository('test/setup/get-rabbitmq.sh')], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`these tests need RabbitMQ:\n${stderr}`);
  found = stdout.trim();
  return found;
}

// --- internal ---

let found: string | undefined;
