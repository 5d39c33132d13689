/**
 * Console member: a process of a fleet that shares a circuit through a server, with a console of its own.
 *
 * @module
 */

import { createAdmin } from '@holdfast/console';
import { circuitBreaker, createRegistry } from '@holdfast/core';
import { redisCircuitStore } from '@holdfast/redis';
import { Redis } from 'ioredis';

import { serveFleet } from '../redis-lab/fleet-member.ts';

/** What a member can be asked. */
export interface ConsoleCommands {
  /** Waits until it shares with that many processes. Returns the address of its console. */
  open(nodes: number): Promise<string>;
  /** Makes one call. Returns `ran`, or the code of the refusal. */
  call(): Promise<string>;
  state(): string;
}

/** What a member is started with. */
export interface ConsoleSettings {
  readonly port: number;
  readonly token: string;
  readonly username?: string;
}

serveFleet<ConsoleCommands, ConsoleSettings>(({ index, settings: { port, token, username } }) => {
  const login = username === undefined ? {} : { username, password: 'pw' };
  const redis = new Redis({ port, lazyConnect: true, ...login });
  const store = redisCircuitStore(redis, { namespace: 'consoles', node: `p${index}`, shardCount: 1 });
  const registry = createRegistry({ store });
  const prices = registry.create(circuitBreaker, { name: 'prices', openForMs: 200, maxProbes: 1 });
  registry.create(circuitBreaker, { name: 'sidecar', sharing: 'local' });
  const admin = createAdmin({ registry, token, service: `p${index}` });

  return {
    async open(nodes) {
      await store.ready(20_000);
      for (let tries = 0; tries < 200 && store.health().nodes < nodes; tries++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      return (await admin.listen()).url;
    },
    async call() {
      try {
        await prices.execute(() => 'ran');
        return 'ran';
      } catch (error) {
        return (error as { readonly code: string }).code;
      }
    },
    state: () => prices.state,
  };
});
