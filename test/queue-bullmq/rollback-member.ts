/**
 * Rollback member: one process that undoes things once, and can be made to kill itself between the mark and the undoing.
 *
 * @module
 */

import { Context } from '@holdfast/core';
import { createRollback, type RollbackId } from '@holdfast/queue/rollback';
import { redisOnce } from '@holdfast/redis';
import { Redis } from 'ioredis';

import { serveFleet } from '../redis-lab/fleet-member.ts';

/** What a process is started with. */
export interface RollbackSettings {
  readonly port: number;
  readonly leaseMs: number;
  /** Whether the process kills itself once it is marked as undoing, and has undone nothing. */
  readonly isDoomed: boolean;
}

/** What a process can be asked. */
export interface RollbackCommands {
  /** Calls execute so often at the same time. Returns what each call came to. */
  execute(calls: { readonly id: RollbackId; readonly count: number }): Promise<string[]>;
}

serveFleet<RollbackCommands, RollbackSettings>(async ({ settings: { port, leaseMs, isDoomed } }) => {
  const redis = new Redis(port);
  const once = redisOnce(redis, { namespace: 'rollback', leaseMs, commandTimeoutMs: 3000 });
  const rollback = createRollback({ once, timeoutMs: 60_000 });
  return {
    execute: ({ id, count }) => {
      const undo = async (_context: Context, { fencingToken }: { fencingToken: number }): Promise<string> => {
        if (isDoomed) process.kill(process.pid, 'SIGKILL');
        await redis.rpush(`undone:${id.task}`, fencingToken);
        return `undone under ${fencingToken}`;
      };
      const request = Context.background.withCancel();
      request.cancel(); // it has ended: that is why there is something to undo
      return Promise.all(Array.from({ length: count }, () => rollback.execute(request, id, undo)));
    },
  };
});
