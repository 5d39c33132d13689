/**
 * Outbox member: one process that defers work and delivers it, and can be made to kill itself at any step of that.
 *
 * @module
 */

import { systemClock, systemRandom } from '@holdfast/core';
import { type Deferral, createDeferral } from '@holdfast/degradation';
import { Redis } from 'ioredis';

import { outboxOver, outboxSettings } from '../../../packages/redis/src/outbox/redis-outbox.ts';
import { openLink } from '../../../packages/redis/src/script-link.ts';
import { serveFleet } from '../../redis-lab/fleet-member.ts';
import { type Death, die, dyingLink } from '../../redis/dying-link.ts';
import type { CrashStep } from './crash-steps.ts';

/** What a process is started with. */
export interface OutboxMemberSettings {
  readonly port: number;
  readonly maxItems: number;
  readonly maxPerSecond: number;
  readonly crashAt?: CrashStep | undefined;
}

/** What a process can be asked. */
export interface OutboxCommands {
  /** Defers one piece of work after the other. Returns what each came to; tells `accepted` as soon as one is. */
  defer(keys: readonly string[]): Promise<string[]>;
  /** Delivers from now on. */
  drain(): void;
  close(): Promise<void>;
}

const commandTimeoutMs = 5000;

serveFleet<OutboxCommands, OutboxMemberSettings>(async ({ settings, tell }) => {
  const client = new Redis(settings.port, { lazyConnect: true });
  const ledger = client.duplicate();
  await ledger.connect();
  let isDeferred = true;
  const deferral = makeDeferral(client, { ...settings, ledger, isDeferred: () => isDeferred });
  return {
    defer: (keys) => deferAll(deferral, keys, (key) => tell('accepted', key)),
    drain: () => void (isDeferred = false),
    close: async () => {
      await deferral.close();
      client.disconnect();
      ledger.disconnect();
    },
  };
});

const deaths: Partial<Record<CrashStep, Death>> = {
  'before add': ['outbox-add', 'before'],
  'add sent': ['outbox-add', 'sent'],
  added: ['outbox-add', 'answered'],
  'before take': ['outbox-take', 'before'],
  'take sent': ['outbox-take', 'sent'],
  taken: ['outbox-take', 'answered'],
  delivered: ['outbox-settle', 'before'],
  'settle sent': ['outbox-settle', 'sent'],
  settled: ['outbox-settle', 'answered'],
  'before postpone': ['outbox-postpone', 'before'],
  'postpone sent': ['outbox-postpone', 'sent'],
  postponed: ['outbox-postpone', 'answered'],
  'before bury': ['outbox-bury', 'before'],
  'bury sent': ['outbox-bury', 'sent'],
  buried: ['outbox-bury', 'answered'],
};

interface Wiring extends OutboxMemberSettings {
  readonly ledger: Redis;
  readonly isDeferred: () => boolean;
}

function makeDeferral(client: Redis, { ledger, isDeferred, crashAt, maxItems, maxPerSecond }: Wiring) {
  const link = openLink(client, { clock: systemClock, random: systemRandom, commandTimeoutMs });
  const settings = outboxSettings({ namespace: 'crash', name: 'work', maxItems, commandTimeoutMs });
  return createDeferral<{ readonly key: string }>({
    outbox: outboxOver(dyingLink(link, crashAt && deaths[crashAt]), settings),
    keyOf: ({ key }) => key,
    isDeferred,
    maxPerSecond,
    deliveryTimeoutMs: 1000,
    leaseMarginMs: 500,
    lookEveryMs: 50,
    maxPauseMs: 100,
    minDeadAfterMs: 0,
    maxAttempts: crashAt?.includes('bur') === true ? 1 : 10,
    deliver: async ({ key }) => {
      if (crashAt === 'in delivery') die();
      if (crashAt?.includes('postpone') === true || crashAt?.includes('bur') === true) throw new Error('no');
      await ledger.rpush('delivered', JSON.stringify([key, process.pid, Date.now()]));
    },
  });
}

async function deferAll(
  deferral: Deferral<{ readonly key: string }>,
  keys: readonly string[],
  onAccepted: (key: string) => void,
): Promise<string[]> {
  const answers: string[] = [];
  for (const key of keys) {
    try {
      const { isNew } = await deferral.defer({ key });
      onAccepted(key);
      answers.push(isNew ? 'kept' : 'known');
    } catch (error) {
      answers.push((error as { code?: string }).code ?? String(error));
    }
  }
  return answers;
}
