/**
 * Shop program: a small service under a lifecycle, for tests that signal it. It answers orders, and writes each to an audit file
 * after the answer; that file is its database, which is closed last.
 *
 *   node shop-program.ts '{ "auditFile": "/tmp/audit", "notReadyForMs": 500, "stopTimeoutMs": 5000 }'
 *
 * It prints one JSON object per line: where it listens, and in the end the report of its stop.
 *
 * @module
 */

import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { createHealth, createLifecycle, createTracker, serverComponent } from '@holdfast/service';

interface Settings {
  readonly auditFile: string;
  readonly notReadyForMs: number;
  readonly stopTimeoutMs: number;
}

const settings = JSON.parse(process.argv[2] ?? '{}') as Settings;
const { auditFile, notReadyForMs, stopTimeoutMs } = settings;
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const life = createLifecycle({ process, notReadyForMs, stopTimeoutMs, fatalTimeoutMs: 2000, signalEchoMs: 0 });
const tracker = createTracker({ graceMs: 200 });
const health = createHealth({ lifecycle: life });
const shop = createServer((request, response) => void serve(request, response));
const probes = createServer(
  (request, response) => void (health.handle(request, response) || response.writeHead(404).end()),
);
let isDatabaseOpen = true;
let orders = 0;

life
  .add(serverComponent(probes, { name: 'probes', port: 0, host: '127.0.0.1' }))
  .add({ name: 'database', close: () => void (isDatabaseOpen = false) })
  .add({ name: 'background', drain: (context) => tracker.drain(context) })
  .add(serverComponent(shop, { port: 0, host: '127.0.0.1' }));
void life.stopped.then((report) => say({ report, tracker: tracker.status() }));
await life.start();
say({ port: portOf(shop), probePort: portOf(probes) });

// --- internal ---

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port;
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === '/crash') setImmediate(() => void Promise.reject(new Error('nobody catches this')));
  if (request.url === '/stuck') return; // never answered
  if (request.url === '/stuck-job') tracker.go('stuck', () => new Promise(() => {}));
  request.resume();
  await once(request, 'end');
  const id = ++orders;
  await sleep(id % 10 === 0 ? 4000 : 5 + (id % 40)); // some are still under way when the drain begins
  response.end(JSON.stringify({ id }));
  tracker.go('audit', () => audit(id)); // after the answer
}

async function audit(id: number): Promise<void> {
  await sleep(20 + (id % 200));
  if (!isDatabaseOpen) throw new Error('the database is closed');
  appendFileSync(auditFile, `${id}\n`);
}
