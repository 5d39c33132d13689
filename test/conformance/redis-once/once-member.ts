/**
 * Once member: one process that runs jobs once, and can be made to kill itself at any step of that.
 *
 * @module
 */

import { systemClock, systemRandom } from '@holdfast/core';
import { Redis } from 'ioredis';

import { type RedisOnce, onceOver, onceSettings } from '../../../packages/redis/src/once/redis-once.ts';
import { openLink } from '../../../packages/redis/src/script-link.ts';
import { serveFleet } from '../../redis-lab/fleet-member.ts';
import { type Death, die, dyingLink } from '../../redis/dying-link.ts';
import type { CrashStep } from './crash-steps.ts';

/** What a process is started with. */
export interface OnceMemberSettings {
  readonly port: number;
  readonly leaseMs: number;
  readonly crashAt?: CrashStep | undefined;
}

/** Calls to make, all at once. */
export interface Tries {
  readonly key: string;
  readonly count: number;
  readonly jobMs: number;
  /** The process of a try up to this one kills itself in the middle of its job. */
  readonly crashUpTo?: number;
}

/** So long the server may take with a thousand tries at once, on a machine that is busy. Milliseconds. */
const commandTimeoutMs = 10_000;

/** What a process can be asked. */
export interface OnceCommands {
  /** Returns what each call came to: JSON of its value, or the code of its error. */
  try(tries: Tries): Promise<string[]>;
  close(): Promise<void>;
}

serveFleet<OnceCommands, OnceMemberSettings>(async ({ settings: { port, leaseMs, crashAt } }) => {
  const client = new Redis(port, { lazyConnect: true });
  const ledger = client.duplicate();
  await ledger.connect();
  const link = openLink(client, { clock: systemClock, random: systemRandom, commandTimeoutMs });
  const once = onceOver(
    dyingLink(link, crashAt && deaths[crashAt]),
    onceSettings({ namespace: 'crash', leaseMs, commandTimeoutMs }),
  );
  return {
    try: (tries) => runAll(once, ledger, { ...tries, crashAt }),
    close: async () => {
      await once.close();
      client.disconnect();
      ledger.disconnect();
    },
  };
});

/** Where a process dies: at which script, and whether before it is sent, once it is, or when its reply is here. */
const deaths: Partial<Record<CrashStep, Death>> = {
  'before claim': ['once-claim', 'before'],
  'claim sent': ['once-claim', 'sent'],
  claimed: ['once-claim', 'answered'],
  renewing: ['once-renew', 'sent'],
  'after job': ['once-finish', 'before'],
  'finish sent': ['once-finish', 'sent'],
  finished: ['once-finish', 'answered'],
};

interface Crowd extends Tries {
  readonly crashAt: CrashStep | undefined;
}

/** Makes the calls. The job tells a ledger that it begins and that it is done, with its token. */
function runAll(
  once: RedisOnce,
  ledger: Redis,
  { key, count, jobMs, crashUpTo = 0, crashAt }: Crowd,
): Promise<string[]> {
  const job = async (_context: unknown, { fencingToken, attempt }: { fencingToken: number; attempt: number }) => {
    await ledger.rpush(`began:${key}`, fencingToken);
    await new Promise((resolve) => setTimeout(resolve, jobMs));
    if (crashAt === 'in job' || attempt <= crashUpTo) die();
    await ledger.rpush(`done:${key}`, fencingToken);
    return { by: process.pid, fencingToken };
  };
  const calls = Array.from({ length: count }, () =>
    once.run(key, job).then(
      (value) => JSON.stringify(value),
      (error: { code?: string; message: string }) => error.code ?? error.message,
    ),
  );
  return Promise.all(calls);
}
