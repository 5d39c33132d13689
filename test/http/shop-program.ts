/**
 * Shop program: a small service on one of the frameworks under a lifecycle, for tests that signal it while it has work.
 *
 *   node shop-program.ts '{ "kind": "fastify", "notReadyForMs": 500, "stopTimeoutMs": 5000 }'
 *
 * It prints one JSON object per line: where it listens, that a request is stuck, and in the end the report of its stop and what became of its requests.
 *
 * @module
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createHealth, createLifecycle, serverComponent } from '@holdfast/service';

import { type Kind, makeServer } from './servers.ts';

interface Settings {
  readonly kind: Kind;
  readonly notReadyForMs: number;
  readonly stopTimeoutMs: number;
}

const { kind, notReadyForMs, stopTimeoutMs } = JSON.parse(process.argv[2] ?? '{}') as Settings;
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const life = createLifecycle({ process, notReadyForMs, stopTimeoutMs, signalEchoMs: 0 });
const health = createHealth({ lifecycle: life });
const probes = createServer(
  (request, response) => void (health.handle(request, response) || response.writeHead(404).end()),
);
let orders = 0;
const shop = await makeServer(kind, {
  answer: async (context, path) => {
    if (path === '/stuck') {
      say({ isStuck: true });
      return new Promise((_resolve, reject) => context.onCancel(reject));
    }
    const id = ++orders;
    await sleep(id % 10 === 0 ? 2000 : 5 + (id % 40)); // some are still under way when the drain begins
    return JSON.stringify({ id });
  },
});

life
  .add(serverComponent(probes, { name: 'probes', port: 0, host: '127.0.0.1' }))
  .add(shop.requests.withDrain(serverComponent(shop.server, { port: 0, host: '127.0.0.1' })));
void life.stopped.then((report) => say({ report, counts: shop.requests.counts() }));
await life.start();
say({ port: portOf(shop.server), probePort: portOf(probes) });

// --- internal ---

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}
